export const decide = () => console.log(process.pid);
