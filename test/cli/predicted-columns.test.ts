import { describe, expect, it } from 'vitest'
import { give } from '../../lib/cli/predicted-columns.js'

describe('the option --give', () => {
  const read = (text: string) => {
    const { all, byOutput } = give(text)
    return [all, Object.fromEntries(byOutput)]
  }

  it('tells what is for all outputs from what is for one, whatever it is called', () => {
    expect(read('class')).toEqual(['class', {}])
    expect(read('kind=class,price=values')).toEqual(['values', { kind: 'class', price: 'values' }])
    expect(read('probabilities,price=values')).toEqual(['probabilities', { price: 'values' }])
    expect(read('class=class')).toEqual(['values', { class: 'class' }])
    expect(read('values=probabilities,class')).toEqual(['class', { values: 'probabilities' }])
    expect(read('a=b=class')).toEqual(['values', { 'a=b': 'class' }])
  })

  it('refuses what says two things', () => {
    for (const text of ['class,values', 'kind=class,kind=values', 'kind=clas', '', 'kind=', 'kind'])
      expect(() => give(text), text).toThrow(/^Expected /)
  })
})
