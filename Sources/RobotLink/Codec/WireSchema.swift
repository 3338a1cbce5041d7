import RobotInterface

/// The shape of a message as far as protobuf-c needs protecting from it.
///
/// protobuf-c ends strings at the first NUL, merges a nested message that comes twice (in quadratic time when it holds
/// lists), and allocates for every field including unknown ones. ``check(_:)`` refuses such messages before it sees them.
struct WireSchema: Sendable {
  /// Field numbers of strings.
  var strings: Set<Int> = []
  /// Nested messages that may come once.
  var messages: [Int: WireSchema] = [:]
  /// Nested messages that may come often, with the largest number of them.
  var lists: [Int: (schema: WireSchema, maximum: Int)] = [:]
  /// Whether at most one of ``messages`` may be present.
  var isChoice = false

  /// Refuses what protobuf-c cannot be trusted with.
  ///
  /// - Throws: `.malformed`, naming the field by its numbers.
  func check(_ bytes: [UInt8]) throws(RobotError) {
    var fields = 0
    try check(bytes, range: 0..<bytes.count, path: "message", fields: &fields)
  }

  private func check(_ bytes: [UInt8], range: Range<Int>, path: String, fields: inout Int) throws(RobotError) {
    var reader = WireReader(bytes, range: range)
    var seen: Set<Int> = []
    var counts: [Int: Int] = [:]
    while let field = try reader.next() {
      fields += 1
      guard fields <= ProtocolLimits.maximumFields else {
        throw RobotError(.malformed, path, "the message has more than \(ProtocolLimits.maximumFields) fields")
      }
      guard case .bytes(let content) = field.value else { continue }
      if strings.contains(field.number) {
        guard !bytes[content].contains(0) else {
          throw RobotError(.malformed, "\(path).\(field.number)", "a text may not contain a NUL character")
        }
      } else if let nested = messages[field.number] {
        guard seen.insert(field.number).inserted, !isChoice || seen.count == 1 else {
          throw RobotError(.malformed, "\(path).\(field.number)", "the field may be set only once")
        }
        try nested.check(bytes, range: content, path: "\(path).\(field.number)", fields: &fields)
      } else if let list = lists[field.number] {
        let count = counts[field.number, default: 0] + 1
        guard count <= list.maximum else {
          throw RobotError(.malformed, "\(path).\(field.number)", "at most \(list.maximum) entries are allowed")
        }
        counts[field.number] = count
        try list.schema.check(bytes, range: content, path: "\(path).\(field.number)", fields: &fields)
      }
    }
  }
}

// Field numbers of uio2.proto.
extension WireSchema {
  static let request = WireSchema(
    strings: [3],
    messages: [
      10: WireSchema(strings: [1, 2]),
      11: WireSchema(
        strings: [6], messages: [11: WireSchema(), 13: WireSchema()],
        lists: [4: (cameraFrame, ProtocolLimits.maximumFrames), 9: (promptPart, ProtocolLimits.maximumPromptParts)]),
      12: WireSchema(),
      13: WireSchema(strings: [1]),
      14: WireSchema(),
      15: WireSchema(
        strings: [1, 9], messages: [12: WireSchema()], lists: [2: (cameraFrame, ProtocolLimits.maximumFrames)]),
      16: WireSchema(),
      17: WireSchema(),
    ],
    isChoice: true)

  static let reply = WireSchema(
    strings: [3],
    messages: [
      10: WireSchema(
        strings: [1, 2, 3, 7, 8, 9, 14, 16],
        messages: [
          12: WireSchema(lists: [9: (WireSchema(strings: [1]), ProtocolLimits.maximumQuantities)]),
          17: WireSchema(strings: [1]),
        ],
        lists: [
          4: (WireSchema(strings: [1, 5]), ProtocolLimits.maximumFrames),
          5: (WireSchema(strings: [1, 2]), ProtocolLimits.maximumQuantities),
          6: (WireSchema(strings: [1, 2]), ProtocolLimits.maximumQuantities),
        ]),
      11: WireSchema(
        strings: [6, 9],
        lists: [4: (WireSchema(strings: [3]), ProtocolLimits.maximumActions), 8: (WireSchema(), Stage.allCases.count)]),
      12: WireSchema(),
      13: WireSchema(strings: [1, 3, 6], lists: [4: (WireSchema(), Stage.allCases.count)]),
      14: WireSchema(strings: [2, 3]),
      15: WireSchema(strings: [5]),
    ],
    isChoice: true)

  private static let cameraFrame = WireSchema(strings: [1])
  private static let promptPart = WireSchema(strings: [1], messages: [2: cameraFrame])
}
