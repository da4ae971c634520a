/**
 * Gives the memory of bytes back that are not read again. What a socket reads lies outside of the heap, and the
 * garbage collector lets some 64 MB of it gather before it looks. Only bytes that have their memory for themselves are given back.
 */
export const release = ({ buffer, byteLength, byteOffset }: Buffer): void => {
  if (byteOffset === 0 && byteLength === buffer.byteLength && buffer instanceof ArrayBuffer) {
    buffer.transfer(0)
  }
}
