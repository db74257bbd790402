export const isOver = (deadlineAtMs: number) => Date.now() >= deadlineAtMs;
