/** What is traded in a simulated exchange. */
export const BOOK_IDS = ['AAA', 'B2'] as const;
