/// Cuts a stream of bytes into lines, whatever pieces it arrives in.
struct LineSplitter {
  /// A line longer than this is given up: the robot writes a few hundred bytes a line, so something is broken.
  static let maximumLength = 1 << 20

  private var pending: [UInt8] = []
  /// Lines returned so far.
  private(set) var count = 0

  /// Takes the next piece and returns the lines that it completes, without their ends.
  ///
  /// - Throws: ``RolloutError`` `.malformedEvent` when a line grows beyond ``maximumLength``.
  mutating func append(_ bytes: some Collection<UInt8>) throws(RolloutError) -> [[UInt8]] {
    var lines: [[UInt8]] = []
    var rest = bytes[...]
    while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
      try extend(rest[..<end])
      lines.append(takePending())
      rest = rest[rest.index(after: end)...]
    }
    try extend(rest)
    return lines
  }

  private mutating func extend(_ piece: some Collection<UInt8>) throws(RolloutError) {
    guard pending.count + piece.count <= Self.maximumLength else {
      throw RolloutError(
        .malformedEvent, "line \(count + 1) of the robot's output", "longer than \(Self.maximumLength) bytes")
    }
    pending.append(contentsOf: piece)
  }

  /// The last line when the stream ended without a line end.
  mutating func finish() -> [UInt8]? { pending.isEmpty ? nil : takePending() }

  private mutating func takePending() -> [UInt8] {
    count += 1
    if pending.last == UInt8(ascii: "\r") { pending.removeLast() }
    defer { pending.removeAll(keepingCapacity: true) }
    return pending
  }
}
