/** What a thrown value says. Anything can be thrown, and drivers do. */
export const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))
