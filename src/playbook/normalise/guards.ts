/** Conditions that mix a template with plain words: `{{ a }} == b` compares with the text "b". */

const mixed = /^\s*\{\{((?:(?!\}\}).)+)\}\}\s*(==|!=)\s*(.*?)\s*$/s
const simple = /^[\w./:@-]*$/

/** The condition as one expression; undefined where it is one already. */
export const comparisonOf = (condition: string): string | undefined => {
  const match = mixed.exec(condition)
  if (match === null) return undefined
  const [, left = "", operator = "==", right = ""] = match
  const other = operandOf(right)
  return other === undefined ? undefined : `{{ (${left.trim()}) ${operator} ${other} }}`
}

const operandOf = (text: string): string | undefined => {
  const template = /^\{\{((?:(?!\}\}).)+)\}\}$/s.exec(text)
  if (template !== null) return `(${(template[1] ?? "").trim()})`
  if (/^(['"]).*\1$/s.test(text) || /^-?\d+(\.\d+)?$/.test(text) || /^(true|false|none|null)$/i.test(text))
    return text
  return simple.test(text) ? JSON.stringify(text) : undefined
}
