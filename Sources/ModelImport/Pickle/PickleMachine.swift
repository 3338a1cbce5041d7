/// Runs a pickle as far as state dictionaries need it, and no further.
///
/// There is no way from here to code: opcodes that make arbitrary objects are refused, and the names that a pickle may utter are those
/// of ``PickleGlobal``. Work and memory grow with the length of the pickle at most: every opcode adds a bounded number of values, and what
/// the memo hands out again is a number, not a copy.
struct PickleMachine {
  /// The marks are kept apart from the values, so that a value can never be taken for one.
  var stack: [PickleValue] = []
  var marks: [Int] = []
  private var memo: [Int: PickleValue] = [:]
  var tuples: [[PickleValue]] = []
  var lists: [[PickleValue]] = []
  var dictionaries: [[(key: PickleValue, value: PickleValue)]] = []
  var storages: [StorageReference] = []
  var tensors: [TensorReference] = []
  let path: String

  /// Pairs that calls have copied; without a limit, a list that is called upon again and again would grow without end.
  var copiedPairs = 0

  /// A state dictionary of a thousand tensors has about 150 kB.
  static let maximumLength = 8 << 20
  static let maximumCopiedPairs = 1 << 20

  init(path: String) { self.path = path }

  func malformed(_ message: String) -> ImportError { ImportError(.malformedPickle, path, message) }

  /// Runs one pickle up to its STOP and returns what it leaves.
  ///
  /// - Throws: ``ImportError`` `.refused` with the name of what is not allowed; `.malformedPickle`, `.truncatedFile`.
  mutating func run(_ cursor: inout ByteCursor) throws(ImportError) -> PickleValue {
    stack = []
    marks = []
    memo = [:]
    let start = cursor.offset
    while true {
      guard cursor.offset - start <= Self.maximumLength else {
        throw malformed("the pickle is longer than \(Self.maximumLength) bytes, more than any state dictionary")
      }
      let code = try cursor.integer(UInt8.self)
      guard let opcode = PickleOpcode(rawValue: code) else {
        throw ImportError(
          .refused, PickleOpcode.name(of: code),
          "is an opcode that state dictionaries do not need; \(path) is not loaded")
      }
      if opcode == .stop {
        let result = try pop()
        guard stack.isEmpty, marks.isEmpty else { throw malformed("the pickle leaves more than one value") }
        return result
      }
      try execute(opcode, &cursor)
    }
  }

  private mutating func execute(_ opcode: PickleOpcode, _ cursor: inout ByteCursor) throws(ImportError) {
    switch opcode {
    case .stop: break
    case .protocol:
      let version = try cursor.integer(UInt8.self)
      guard version <= 5 else { throw malformed("has protocol \(version); 0 to 5 are known") }
    case .frame: _ = try cursor.integer(UInt64.self)
    case .mark: marks.append(stack.count)
    case .pop:
      // After a MARK the pickler's POP takes the mark away.
      if let mark = marks.last, mark == stack.count { marks.removeLast() } else { _ = try pop() }
    case .popMark: _ = try popToMark()
    case .duplicate:
      guard stack.count > (marks.last ?? 0), let top = stack.last else { throw malformed("DUP without a value") }
      stack.append(top)
    case .none: stack.append(.none)
    case .true: stack.append(.bool(true))
    case .false: stack.append(.bool(false))
    case .integer: stack.append(.integer(Int(try cursor.integer(Int32.self))))
    case .byte: stack.append(.integer(Int(try cursor.integer(UInt8.self))))
    case .short: stack.append(.integer(Int(try cursor.integer(UInt16.self))))
    case .long: stack.append(Self.long(try cursor.bytes(Int(try cursor.integer(UInt8.self)))))
    case .real: stack.append(.real(Double(bitPattern: try cursor.integer(UInt64.self).byteSwapped)))
    case .shortUnicode: stack.append(.string(try cursor.string(Int(try cursor.integer(UInt8.self)))))
    case .unicode: stack.append(.string(try cursor.string(Int(try cursor.integer(UInt32.self)))))
    case .longUnicode: stack.append(.string(try cursor.string(try length(cursor.integer(UInt64.self)))))
    case .shortString: stack.append(.string(try cursor.string(Int(try cursor.integer(UInt8.self)))))
    case .shortBytes: stack.append(.bytes(try cursor.bytes(Int(try cursor.integer(UInt8.self)))))
    case .bytes: stack.append(.bytes(try cursor.bytes(Int(try cursor.integer(UInt32.self)))))
    case .emptyTuple: push(tuple: [])
    case .tuple1: push(tuple: try pop(1))
    case .tuple2: push(tuple: try pop(2))
    case .tuple3: push(tuple: try pop(3))
    case .tuple: push(tuple: try popToMark())
    case .emptyList:
      lists.append([])
      stack.append(.list(lists.count - 1))
    case .append: try append([try pop()])
    case .appends: try append(try popToMark())
    case .emptyDictionary:
      dictionaries.append([])
      stack.append(.dictionary(dictionaries.count - 1))
    case .setItem: try set(try pop(2))
    case .setItems: try set(try popToMark())
    case .binPut: try remember(Int(try cursor.integer(UInt8.self)))
    case .longBinPut: try remember(Int(try cursor.integer(UInt32.self)))
    case .memoize: try remember(memo.count)
    case .binGet: try recall(Int(try cursor.integer(UInt8.self)))
    case .longBinGet: try recall(Int(try cursor.integer(UInt32.self)))
    case .global:
      let module = try cursor.line()
      try push(global: try cursor.line(), of: module)
    case .stackGlobal:
      let names = try pop(2)
      guard case .string(let module) = names[0], case .string(let name) = names[1] else {
        throw malformed("a global's name is \(names[1].kind) of \(names[0].kind), not two strings")
      }
      try push(global: name, of: module)
    case .reduce: try reduce()
    case .build: try build()
    case .persistentID: try pushStorage(try pop())
    }
  }

  private static func long(_ bytes: [UInt8]) -> PickleValue {
    guard bytes.count <= 8 else { return .long(bytes) }
    var value = (bytes.last ?? 0) & 0x80 == 0 ? 0 : -1
    for byte in bytes.reversed() { value = value << 8 | Int(byte) }
    return .integer(value)
  }

  private func length(_ value: UInt64) throws(ImportError) -> Int {
    guard value <= UInt64(Self.maximumLength) else { throw malformed("holds a string of \(value) bytes") }
    return Int(value)
  }

  private mutating func push(global name: String, of module: String) throws(ImportError) {
    guard let global = PickleGlobal.named(module: module, name: name) else {
      throw ImportError(
        .refused, "\(module).\(name)".asQuoted,
        "is named by the pickle in \(path), but state dictionaries do not need it; nothing of the file was run or loaded. "
          + "If you trust the file, save its state_dict() alone")
    }
    stack.append(.global(global))
  }

  mutating func push(tuple: [PickleValue]) {
    tuples.append(tuple)
    stack.append(.tuple(tuples.count - 1))
  }

  mutating func pop() throws(ImportError) -> PickleValue {
    guard stack.count > (marks.last ?? 0), let value = stack.popLast() else {
      throw malformed("takes a value from an empty stack")
    }
    return value
  }

  private mutating func pop(_ count: Int) throws(ImportError) -> [PickleValue] {
    guard stack.count - (marks.last ?? 0) >= count else { throw malformed("takes a value from an empty stack") }
    defer { stack.removeLast(count) }
    return Array(stack.suffix(count))
  }

  private mutating func popToMark() throws(ImportError) -> [PickleValue] {
    guard let mark = marks.popLast() else { throw malformed("takes values up to a mark that was never set") }
    defer { stack.removeLast(stack.count - mark) }
    return Array(stack[mark...])
  }

  private mutating func append(_ values: [PickleValue]) throws(ImportError) {
    guard case .list(let index)? = stack.last else { throw malformed("appends to something that is not a list") }
    lists[index] += values
  }

  private mutating func set(_ values: [PickleValue]) throws(ImportError) {
    guard case .dictionary(let index)? = stack.last else {
      throw malformed("sets an item of something that is not a dictionary")
    }
    guard values.count % 2 == 0 else { throw malformed("sets a key without a value") }
    for pair in stride(from: 0, to: values.count, by: 2) {
      dictionaries[index].append((values[pair], values[pair + 1]))
    }
  }

  private mutating func remember(_ index: Int) throws(ImportError) {
    guard let top = stack.last else { throw malformed("remembers a value of an empty stack") }
    memo[index] = top
  }

  private mutating func recall(_ index: Int) throws(ImportError) {
    guard let value = memo[index] else { throw malformed("recalls value \(index), which was never remembered") }
    stack.append(value)
  }
}
