/** Plants a bug: puts another method in the place of this one. Answers how to undo it. */
export function replace<T extends object, K extends keyof T>(
  target: T,
  name: K,
  make: (original: T[K]) => Method<T, K>,
): () => void {
  const original = target[name]
  target[name] = make(original) as T[K]
  return () => {
    target[name] = original
  }
}

type Method<T, K extends keyof T> = T[K] extends (...args: infer A) => infer R ? (this: T, ...args: A) => R : never
