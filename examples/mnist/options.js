import { Command, InvalidArgumentError, Option } from 'commander'

/** The command line; wrong values end the process with a message that says what is expected. */
export function readOptions(argv = process.argv) {
  const command = new Command('npm run demo --')
    .description('Trains 784-1024-1024-10 with weight normalization, batch normalization, ReLU and dropout on MNIST.')
    .option('--epochs <n>', 'times through the training images (default: 8; 1 on the portable path)', integer(1, 1000))
    .option('--batch <n>', 'images a step', integer(2, 50_000), 128)
    .option('--seed <n>', 'of initialization, shuffling and dropout', integer(0, Number.MAX_SAFE_INTEGER), 7)
    .addOption(new Option('--backend <name>', 'what runs the model').choices(['auto', 'native', 'portable']).default('auto'))
    .option('--threads <n>', 'threads at most (default: the processor cores)', integer(1, 256))
    .option('--out <file>', 'where the model is saved', nonEmpty, 'mnist.safetensors')
    .option('--json', 'the results as one JSON object in the last line', false)
    .allowExcessArguments(false)
    .showHelpAfterError('(--help lists the options)')
  return command.parse(argv).opts()
}

function integer(least, most) {
  return (text) => {
    const value = Number(text)
    if (!/^\d+$/.test(text) || value < least || value > most)
      throw new InvalidArgumentError(`Expected an integer from ${least} to ${most}.`)
    return value
  }
}

function nonEmpty(text) {
  if (text === '') throw new InvalidArgumentError('Expected the name of a file.')
  return text
}
