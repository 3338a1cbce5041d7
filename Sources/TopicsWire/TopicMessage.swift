import ProtobufCodec
package import RobotInterface
package import Topics

/// What came from a source, read as far as it can be without knowing what came before.
package struct TopicMessage: Sendable {
  /// What an observation needs of it.
  package enum Content: Sendable {
    case picture(CameraFrame)
    case state(Observation)
  }

  /// By its topic.
  package var source: String
  /// Of the process that publishes.
  package var life: [UInt8]
  /// With the time of its capture.
  package var sample: TopicSample<Content>

  /// Reads a `uio2.v1` request: an observation with the one part that its source tells of, by a process with a token of its own.
  ///
  /// - Throws: why it is none.
  package init(_ request: RequestMessage, from source: TopicSettings.Source) throws(TopicFault) {
    let name = source.source.name
    func unreadable(_ reason: String) -> TopicFault { TopicFault(name, .unreadable(reason)) }
    guard case .observation(let observation) = request.body else { throw unreadable("expected an observation") }
    guard !request.sessionToken.isEmpty else { throw unreadable("expected a token of the process in session_token") }
    guard observation.sequence > 0, observation.capturedAt > 0 else {
      throw unreadable("expected a sequence and a time of capture above 0")
    }
    let content: Content, fingerprint: UInt64
    switch source.role {
    case .camera(let camera):
      guard observation.frames.count == 1, var frame = observation.frames.first else {
        throw unreadable("expected one picture, found \(observation.frames.count)")
      }
      frame.camera = camera
      frame.capturedAt = observation.capturedAt
      fingerprint = Self.fingerprint(frame.data)
      content = .picture(frame)
    case .arm:
      guard observation.frames.isEmpty else { throw unreadable("expected the arm's state alone, found a picture") }
      fingerprint = observation.sequence
      content = .state(observation)
    }
    self.source = name
    life = request.sessionToken
    sample = TopicSample(
      sequence: observation.sequence, capturedAt: observation.capturedAt, fingerprint: fingerprint, content: content)
  }

  /// FNV-1a over eight bytes at a time: only equality matters, and nobody gains by making two pictures look alike.
  ///
  /// - Complexity: O(bytes).
  package static func fingerprint(_ bytes: [UInt8]) -> UInt64 {
    bytes.withUnsafeBytes { buffer in
      var hash: UInt64 = 0xcbf2_9ce4_8422_2325 ^ UInt64(buffer.count)
      let whole = buffer.count & ~7
      for place in stride(from: 0, to: whole, by: 8) {
        hash = (hash ^ buffer.loadUnaligned(fromByteOffset: place, as: UInt64.self)) &* 0x100_0000_01b3
        // Otherwise the upper bytes of a word would leave the lower half of the hash as it is.
        hash ^= hash >> 32
      }
      for byte in buffer[whole...] { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
      return hash
    }
  }
}
