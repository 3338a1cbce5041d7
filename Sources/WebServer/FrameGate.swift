import NIOCore

/// Follows a websocket from one frame's header to the next, and finds what is too long before anything keeps it.
///
/// What such a frame brings is passed over, and the frames after it can be read again. A connection that ends with bytes unread is reset, and
/// a client that is still sending then never learns why it was closed.
struct FrameGate {
  /// Bytes that a frame may bring.
  private let limit: UInt64
  /// Of the frame that begins, until it is complete.
  private var header: [UInt8] = []
  /// Bytes that are still to come of the frame.
  private var rest: UInt64 = 0
  private var isPassedOver = false

  init(limit: Int) { self.limit = UInt64(max(0, limit)) }

  /// What of the bytes that have come is for the decoder.
  struct Passed {
    var parts: [ByteBuffer] = []
    /// How many of them come before a frame that is too long; `nil`: none is.
    var partsBeforeTooLong: Int?
    /// Bytes that are for nobody.
    var dropped = 0
  }

  /// Takes bytes in, as they come. An unfinished header is kept until its end has come.
  mutating func pass(_ buffer: ByteBuffer) -> Passed {
    var passed = Passed()
    let end = buffer.writerIndex
    // What lies between them is let through together.
    var start = buffer.readerIndex, place = start
    func letThrough(upTo place: Int) {
      if place > start, let part = buffer.getSlice(at: start, length: place - start) { passed.parts.append(part) }
    }
    while place < end {
      if rest > 0 {
        let count = Int(min(rest, UInt64(end - place)))
        rest -= UInt64(count)
        place += count
        if isPassedOver { (start, passed.dropped) = (place, passed.dropped + count) }
        continue
      }
      let begin = place, hasBegunBefore = !header.isEmpty
      while place < end, Self.length(header) == nil, let byte = buffer.getInteger(at: place, as: UInt8.self) {
        header.append(byte)
        place += 1
      }
      guard let length = Self.length(header) else {
        letThrough(upTo: begin)
        return passed
      }
      (rest, isPassedOver) = (length, length > limit)
      if isPassedOver {
        letThrough(upTo: begin)
        (start, passed.dropped) = (place, passed.dropped + header.count)
        passed.partsBeforeTooLong = passed.partsBeforeTooLong ?? passed.parts.count
      } else if hasBegunBefore {
        passed.parts.append(ByteBuffer(bytes: header))
        start = place
      }
      header.removeAll(keepingCapacity: true)
    }
    letThrough(upTo: end)
    return passed
  }

  /// The bytes that follow a header; `nil` while it is not complete.
  private static func length(_ header: [UInt8]) -> UInt64? {
    guard header.count >= 2 else { return nil }
    let short = header[1] & 0x7F, mask = header[1] & 0x80 == 0 ? 0 : 4
    let extended = short < 126 ? 0 : short == 126 ? 2 : 8
    guard header.count == 2 + extended + mask else { return nil }
    guard extended > 0 else { return UInt64(short) }
    return header[2..<2 + extended].reduce(0) { $0 << 8 | UInt64($1) }
  }
}
