export function portableWorkerSource(): Promise<string>
