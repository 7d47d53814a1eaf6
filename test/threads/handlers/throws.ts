throw new RangeError('no database')

export default () => {}
