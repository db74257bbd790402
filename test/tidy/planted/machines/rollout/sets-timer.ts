export const wait = (run: () => void) => setTimeout(run, 1000);
