/** Named numbers of a model. */
export type Numbers = Readonly<Record<string, Float64Array>>

/**
 * Gradient descent in float64, the gradient by central differences: p ← p − rate · d loss/dp, all at once.
 * The differences are off by about 1e-9 where the loss is near 1.
 *
 * @returns the loss before each step
 */
export function descend(parameters: Numbers, loss: (step: number) => number, rate: number, steps: number): number[] {
  const losses: number[] = []
  for (let step = 0; step < steps; step++) {
    losses.push(loss(step))
    const gradients = Object.values(parameters).map((numbers) =>
      Float64Array.from(numbers, (_, index) => slope(numbers, index, () => loss(step)))
    )
    for (const [at, numbers] of Object.values(parameters).entries())
      for (let index = 0; index < numbers.length; index++) numbers[index] = numbers[index]! - rate * gradients[at]![index]!
  }
  return losses
}

function slope(numbers: Float64Array, index: number, loss: () => number): number {
  const h = 1e-5
  const at = numbers[index]!
  numbers[index] = at + h
  const above = loss()
  numbers[index] = at - h
  const below = loss()
  numbers[index] = at
  return (above - below) / (2 * h)
}
