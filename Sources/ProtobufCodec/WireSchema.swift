import RobotInterface

/// The shape of a message as far as protobuf-c needs protecting from it.
///
/// protobuf-c ends strings at the first NUL, merges a nested message that comes twice (in quadratic time when it holds
/// lists), and allocates for every field including unknown ones. ``survey(_:)`` refuses such messages before it sees them. And it copies
/// everything once more, so that it gets pictures and sounds as marks only.
struct WireSchema: Sendable {
  /// Field numbers of strings.
  var strings: Set<Int> = []
  /// Nested messages that may come once.
  var messages: [Int: WireSchema] = [:]
  /// Nested messages that may come often, with the largest number of them.
  var lists: [Int: (schema: WireSchema, maximum: Int)] = [:]
  /// Field numbers of pictures and sounds.
  var contents: Set<Int> = []
  /// Whether at most one of ``messages`` may be present.
  var isChoice = false

  /// Whether a picture or a sound may be in it.
  private var holdsContents: Bool {
    !contents.isEmpty || messages.values.contains(where: \.holdsContents)
      || lists.values.contains(where: \.schema.holdsContents)
  }

  /// Walks every field once: refuses what protobuf-c cannot be trusted with, and takes out what is large.
  ///
  /// - Throws: `.malformed`, naming the field by its numbers.
  /// - Complexity: O(fields + bytes of all texts), with no copy of a picture or a sound.
  func survey(_ bytes: [UInt8]) throws(RobotError) -> SurveyedMessage {
    var survey = Survey(bytes: bytes)
    let rest = try survey.walk(self, range: 0..<bytes.count, path: "message")
    return SurveyedMessage(whole: bytes, rest: rest ?? bytes, contents: survey.contents)
  }

  /// As ``survey(_:)``, where nobody wants the result.
  ///
  /// - Throws: `.malformed`, naming the field by its numbers.
  func check(_ bytes: [UInt8]) throws(RobotError) { _ = try survey(bytes) }

  private struct Survey {
    let bytes: [UInt8]
    var contents: [Range<Int>] = []
    private var fields = 0

    init(bytes: [UInt8]) { self.bytes = bytes }

    /// - Returns: the message with marks in the places of its contents; `nil` when it is the same without.
    mutating func walk(_ schema: WireSchema, range: Range<Int>, path: String) throws(RobotError) -> [UInt8]? {
      var reader = WireReader(bytes, range: range)
      var seen: Set<Int> = []
      var counts: [Int: Int] = [:]
      var rest: [UInt8]? = schema.holdsContents ? [] : nil
      var start = reader.position
      while let field = try reader.next() {
        defer { start = reader.position }
        fields += 1
        guard fields <= ProtocolLimits.maximumFields else {
          throw RobotError(.malformed, path, "the message has more than \(ProtocolLimits.maximumFields) fields")
        }
        guard case .bytes(let content) = field.value else {
          rest?.append(contentsOf: bytes[start..<reader.position])
          continue
        }
        if schema.contents.contains(field.number) {
          rest?.append(field: field.number, SurveyedMessage.mark(contents.count))
          contents.append(content)
          continue
        }
        var part: [UInt8]?
        let place = "\(path).\(field.number)"
        if schema.strings.contains(field.number) {
          guard !bytes[content].contains(0) else {
            throw RobotError(.malformed, place, "a text may not contain a NUL character")
          }
        } else if let nested = schema.messages[field.number] {
          guard seen.insert(field.number).inserted, !schema.isChoice || seen.count == 1 else {
            throw RobotError(.malformed, place, "the field may be set only once")
          }
          part = try walk(nested, range: content, path: place)
        } else if let list = schema.lists[field.number] {
          let count = counts[field.number, default: 0] + 1
          guard count <= list.maximum else {
            throw RobotError(.malformed, place, "at most \(list.maximum) entries are allowed")
          }
          counts[field.number] = count
          part = try walk(list.schema, range: content, path: place)
        }
        if let part {
          rest?.append(field: field.number, part)
        } else {
          rest?.append(contentsOf: bytes[start..<reader.position])
        }
      }
      return rest
    }
  }
}

/// A message whose shape has been checked, in two parts: what protobuf-c reads, and pictures and sounds, which are copied from where they are.
struct SurveyedMessage {
  /// As it came.
  let whole: [UInt8]
  /// The same with a mark in the place of each content.
  let rest: [UInt8]
  private let contents: [Range<Int>]

  fileprivate init(whole: [UInt8], rest: [UInt8], contents: [Range<Int>]) {
    self.whole = whole
    self.rest = rest
    self.contents = contents
  }

  /// What stands for the content of a number.
  fileprivate static func mark(_ index: Int) -> [UInt8] {
    withUnsafeBytes(of: UInt32(index).littleEndian) { [UInt8]($0) }
  }

  /// A copy of the content that `mark` stands for; empty where the field is absent.
  func content(_ mark: [UInt8]) -> [UInt8] {
    let index = mark.reversed().reduce(0) { $0 << 8 | Int($1) }
    guard mark.count == 4, contents.indices.contains(index) else { return [] }
    return Array(whole[contents[index]])
  }
}

extension [UInt8] {
  /// A field of bytes.
  fileprivate mutating func append(field number: Int, _ content: [UInt8]) {
    append(varint: UInt64(number) << 3 | 2)
    append(varint: UInt64(content.count))
    append(contentsOf: content)
  }

  private mutating func append(varint value: UInt64) {
    var value = value
    while value >= 0x80 {
      append(UInt8(truncatingIfNeeded: value) | 0x80)
      value >>= 7
    }
    append(UInt8(truncatingIfNeeded: value))
  }
}

// Field numbers of uio2.proto.
extension WireSchema {
  static let request = WireSchema(
    strings: [3],
    messages: [
      10: WireSchema(strings: [1, 2]),
      11: WireSchema(
        strings: [6], messages: [11: WireSchema(), 13: audioClip],
        lists: [4: (cameraFrame, ProtocolLimits.maximumFrames), 9: (promptPart, ProtocolLimits.maximumPromptParts)]),
      12: WireSchema(),
      13: WireSchema(strings: [1]),
      14: WireSchema(),
      15: WireSchema(
        strings: [1, 9], messages: [12: WireSchema()], lists: [2: (cameraFrame, ProtocolLimits.maximumFrames)],
        contents: [11]),
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
      13: WireSchema(strings: [1, 3, 6], lists: [4: (WireSchema(), Stage.allCases.count)], contents: [5]),
      14: WireSchema(strings: [2, 3]),
      15: WireSchema(strings: [5]),
    ],
    isChoice: true)

  private static let cameraFrame = WireSchema(strings: [1], contents: [5])
  private static let audioClip = WireSchema(contents: [2])
  private static let promptPart = WireSchema(strings: [1], messages: [2: cameraFrame])
}
