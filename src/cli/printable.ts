/** What others choose, such as names of clients, cannot control a terminal. */
export function printable(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, '?')
}
