/// How an array of numpy is put into a message. All are read; which one is written depends on the client.
public enum ArrayDialect: Sendable, Hashable, CaseIterable {
  /// openpi: `__ndarray__`, `data`, `dtype`, `shape` as bytes.
  case openpi
  /// vla-eval: the same keys as text.
  case vlaEval
  /// The package msgpack-numpy (later Isaac-GR00T): `nd`, `type`, `kind`, `shape`, `data` as bytes.
  case messagePackNumpy
  /// A file of `numpy.save` (earlier Isaac-GR00T): `__ndarray_class__`, `as_npy`.
  case npy
}

extension NumericArray {
  /// Whether a map has the marker of an array in one of the dialects.
  public static func isArray(_ map: MessagePackMap) -> Bool {
    map["__ndarray__"] != nil || map["__ndarray_class__"] != nil || map["nd"] == .bool(true)
  }

  /// Reads an array in any dialect and either spelling of its keys; of a map that carries two, the one that is not a file.
  ///
  /// - Throws: `.wrongType` for a map that is no array; `.unsupportedElement`, `.invalidShape`, `.missingKey`.
  public init(_ map: MessagePackMap) throws(MessagePackError) {
    if map["nd"] == .bool(true) {
      try Self.checkKind(map)
      try self.init(map, element: "type")
    } else if map["__ndarray__"] != nil {
      try self.init(map, element: "dtype")
    } else if map["__ndarray_class__"] != nil {
      self = try map.require("as_npy") { value throws(MessagePackError) in
        try NumericArray(npy: value.requireBinary())
      }
    } else {
      throw MessagePackError(.wrongType, "", "expected an array of numpy, found a map of \(map.foundNames)")
    }
  }

  /// Reads an array, a list of numbers (lists within it must be of one length), or a single number.
  ///
  /// - Throws: like ``init(_:)-(MessagePackMap)``, and `.wrongType` for anything else.
  public init(_ value: MessagePackValue) throws(MessagePackError) {
    switch value {
    case .map(let map):
      if let scalar = try Self.scalar(map) {
        self = try NumericArray(doubles: [scalar], shape: [])
      } else {
        try self.init(map)
      }
    case .array(let list):
      var numbers: [Double] = []
      let shape = try Self.flatten(list, into: &numbers)
      self = try NumericArray(doubles: numbers, shape: shape)
    default:
      self = try NumericArray(doubles: [try value.requireNumber()], shape: [])
    }
  }

  private init(_ map: MessagePackMap, element name: String) throws(MessagePackError) {
    let element = try map.require(name) { value throws(MessagePackError) in
      guard let name = value.string else {
        throw MessagePackError(.unsupportedElement, "", "structured arrays are not read; send one array for each field")
      }
      return try Element(numpy: name)
    }
    let shape = try map.require("shape") { value throws(MessagePackError) in try Self.shape(value) }
    let bytes = try map.require("data") { value throws(MessagePackError) in try value.requireBinary() }
    try self.init(element, shape: shape, bytes: bytes)
  }

  private static func shape(_ value: MessagePackValue) throws(MessagePackError) -> [Int] {
    guard case .array(let list) = value, list.count <= maximumRank else {
      throw MessagePackError(.invalidShape, "", "expected a list of at most \(maximumRank) sizes, found \(value.kind)")
    }
    var shape: [Int] = []
    for (index, size) in list.enumerated() {
      guard let size = size.whole else {
        throw MessagePackError(.invalidShape, "[\(index)]", "expected a whole number, found \(size.kind)")
      }
      shape.append(size)
    }
    return shape
  }

  /// msgpack-numpy marks what it pickles, and what has fields.
  private static func checkKind(_ map: MessagePackMap) throws(MessagePackError) {
    let kind = map["kind"]?.string ?? ""
    if kind == "O" { _ = try Element(numpy: "O") }
    if kind == "V" { _ = try Element(numpy: "V") }
    guard kind.isEmpty else {
      throw MessagePackError(.unsupportedElement, "kind", "\(quoted(kind)) is no kind of array that is read")
    }
  }

  /// The number of a map that is a scalar of numpy; `nil` if it is none.
  private static func scalar(_ map: MessagePackMap) throws(MessagePackError) -> Double? {
    if map["__npgeneric__"] != nil {
      return try map.require("data") { value throws(MessagePackError) in
        if case .bool(let truth) = value { return truth ? 1 : 0 }
        return try value.requireNumber()
      }
    }
    guard map["nd"] == .bool(false) else { return nil }
    let element = try map.require("type") { value throws(MessagePackError) in
      try Element(numpy: value.requireText())
    }
    let bytes = try map.require("data") { value throws(MessagePackError) in try value.requireBinary() }
    return try NumericArray(element, shape: [], bytes: bytes).doubles.first
  }

  private static func flatten(
    _ list: [MessagePackValue], depth: Int = 1, into numbers: inout [Double]
  ) throws(MessagePackError) -> [Int] {
    guard depth <= maximumRank else {
      throw MessagePackError(.invalidShape, "", "more than \(maximumRank) lists within each other")
    }
    var inner: [Int]?
    for (index, value) in list.enumerated() {
      do throws(MessagePackError) {
        let shape: [Int]
        if case .array(let nested) = value {
          shape = try flatten(nested, depth: depth + 1, into: &numbers)
        } else {
          numbers.append(try value.requireNumber())
          shape = []
        }
        guard inner == nil || inner == shape else {
          throw MessagePackError(.invalidShape, "", "the lists are of different lengths")
        }
        inner = shape
      } catch {
        throw error.within(.index(index))
      }
    }
    return [list.count] + (inner ?? [])
  }

  /// 64-bit floats.
  private init(doubles: [Double], shape: [Int]) throws(MessagePackError) {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(doubles.count * 8)
    for value in doubles { withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes.append(contentsOf: $0) } }
    try self.init(.float64, shape: shape, bytes: bytes[...])
  }

  /// As a value of a message.
  public func messagePack(_ dialect: ArrayDialect) -> MessagePackValue {
    let shape = MessagePackValue.array(shape.map { .integer(Int64($0)) })
    func bytes(_ text: String) -> MessagePackValue { .binary(Array(text.utf8)[...]) }
    switch dialect {
    case .openpi:
      return .map(
        MessagePackMap([
          .init(bytes("__ndarray__"), .bool(true)), .init(bytes("data"), .binary(self.bytes)),
          .init(bytes("dtype"), .text(element.rawValue)), .init(bytes("shape"), shape),
        ]))
    case .vlaEval:
      return .map([
        "__ndarray__": .bool(true), "data": .binary(self.bytes), "dtype": .text(element.rawValue), "shape": shape,
      ])
    case .messagePackNumpy:
      return .map(
        MessagePackMap([
          .init(bytes("nd"), .bool(true)), .init(bytes("type"), .text(element.rawValue)),
          .init(bytes("kind"), bytes("")), .init(bytes("shape"), shape), .init(bytes("data"), .binary(self.bytes)),
        ]))
    case .npy: return .map(["__ndarray_class__": .bool(true), "as_npy": .binary(npy[...])])
    }
  }
}

extension MessagePackValue {
  /// A map with keys of text.
  public static func map(_ pairs: KeyValuePairs<String, MessagePackValue>) -> MessagePackValue {
    .map(MessagePackMap(pairs))
  }

  /// - Throws: `.wrongType` unless it is bytes.
  public func requireBinary() throws(MessagePackError) -> ArraySlice<UInt8> {
    if case .binary(let bytes) = self { return bytes }
    throw MessagePackError(.wrongType, "", "expected bytes, found \(kind)")
  }
}
