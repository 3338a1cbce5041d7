/// Writes zip archives entry by entry, so that every fault can be made on purpose.
struct ZipBuilder {
  struct Entry {
    var name: String
    var bytes: [UInt8]
    var method: UInt16 = 0
    var flags: UInt16 = 0
    /// What the local header says, where that shall differ.
    var localName: String?
    var localLength: UInt32?
    /// What the directory says, where that shall differ.
    var claimedLength: UInt32?
    var claimedOffset: UInt32?
  }

  var entries: [Entry] = []
  var comment: [UInt8] = []
  var claimedCount: UInt16?

  /// An archive as torch.save writes one.
  init(pickle: [UInt8], storages: [String: [UInt8]] = [:]) {
    entries = [Entry(name: "archive/data.pkl", bytes: pickle)]
    for (key, bytes) in storages.sorted(by: { $0.key < $1.key }) {
      entries.append(Entry(name: "archive/data/\(key)", bytes: bytes))
    }
  }

  private static func little<Value: FixedWidthInteger>(_ value: Value) -> [UInt8] {
    (0..<Value.bitWidth / 8).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
  }

  var bytes: [UInt8] {
    var result: [UInt8] = [], directory: [UInt8] = []
    for entry in entries {
      let offset = UInt32(result.count), length = UInt32(entry.bytes.count)
      let local = Array((entry.localName ?? entry.name).utf8), name = Array(entry.name.utf8)
      result += [0x50, 0x4b, 3, 4] + Self.little(UInt16(20)) + Self.little(entry.flags) + Self.little(entry.method)
      result +=
        [UInt8](repeating: 0, count: 8) + Self.little(entry.localLength ?? length)
        + Self.little(entry.localLength ?? length)
      result += Self.little(UInt16(local.count)) + Self.little(UInt16(0)) + local + entry.bytes
      let claimed = entry.claimedLength ?? length
      directory += [0x50, 0x4b, 1, 2] + Self.little(UInt16(20)) + Self.little(UInt16(20)) + Self.little(entry.flags)
      directory +=
        Self.little(entry.method) + [UInt8](repeating: 0, count: 8) + Self.little(claimed) + Self.little(claimed)
      directory += Self.little(UInt16(name.count)) + [UInt8](repeating: 0, count: 12)
      directory += Self.little(entry.claimedOffset ?? offset) + name
    }
    let start = UInt32(result.count), count = claimedCount ?? UInt16(entries.count)
    result += directory + [0x50, 0x4b, 5, 6, 0, 0, 0, 0] + Self.little(count) + Self.little(count)
    result += Self.little(UInt32(directory.count)) + Self.little(start) + Self.little(UInt16(comment.count)) + comment
    return result
  }
}

/// Pickles, opcode by opcode.
enum Pickle {
  static func string(_ text: String) -> [UInt8] { [0x8c, UInt8(text.utf8.count)] + Array(text.utf8) }
  static func global(_ module: String, _ name: String) -> [UInt8] { Array("c\(module)\n\(name)\n".utf8) }
  static func integer(_ value: Int) -> [UInt8] {
    [0x8a, 8] + (0..<8).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
  }
  static func tuple(_ values: [[UInt8]]) -> [UInt8] { [0x28] + values.flatMap(\.self) + [0x74] }

  static func storage(_ key: String = "0", type: String = "FloatStorage", count: Int) -> [UInt8] {
    tuple([string("storage"), global("torch", type), string(key), string("cpu"), integer(count)]) + [0x51]
  }

  static func tensor(_ storage: [UInt8], offset: Int = 0, shape: [Int], strides: [Int]) -> [UInt8] {
    let call = [
      storage, integer(offset), tuple(shape.map(integer)), tuple(strides.map(integer)), [0x89],
      global("collections", "OrderedDict") + [0x29, 0x52],
    ]
    return global("torch._utils", "_rebuild_tensor_v2") + tuple(call) + [0x52]
  }

  /// A state dictionary with one tensor, `weight`.
  static func state(_ tensor: [UInt8]) -> [UInt8] { [0x80, 2, 0x7d] + string("weight") + tensor + [0x73, 0x2e] }
}
