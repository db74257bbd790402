export const start = () => 'started';
