export const lab = 'lab';
