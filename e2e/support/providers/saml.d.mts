export function start(): Promise<{ url: string; cert: string; stop: () => void }>;
