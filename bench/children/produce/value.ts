/** What every contender sends. */
export const VALUE = Buffer.alloc(100, 'x')
