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

/** The same for a getter of a class. */
export function replaceGetter<T extends object, K extends keyof T>(
  target: T,
  name: K,
  make: (original: (this: T) => T[K]) => (this: T) => T[K],
): () => void {
  const before = Object.getOwnPropertyDescriptor(target, name)
  if (before?.get === undefined) throw new Error(`there is no getter ${String(name)}`)
  Object.defineProperty(target, name, { ...before, get: make(before.get) })
  return () => void Object.defineProperty(target, name, before)
}

/** Undoes all of these. */
export function all(...undo: (() => void)[]): () => void {
  return () => {
    for (const each of undo) each()
  }
}

type Method<T, K extends keyof T> = T[K] extends (...args: infer A) => infer R ? (this: T, ...args: A) => R : never
