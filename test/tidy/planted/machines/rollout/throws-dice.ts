export const isLucky = () => Math.random() < 0.5;
