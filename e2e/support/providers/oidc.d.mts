export function start(redirectUris: string[]): Promise<{ url: string; stop: () => void }>;
