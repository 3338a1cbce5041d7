/// A sound as it travels: still encoded.
public struct AudioClip: Sendable, Hashable {
  /// How ``data`` is to be read; raw values are those of `AudioEncoding` on the wire.
  public enum Encoding: UInt32, Sendable, Hashable, CaseIterable {
    /// One channel, ``pcmSampleRate`` samples a second, signed 16-bit little-endian.
    case pcm16 = 1
    /// A whole WAV, FLAC or OGG file.
    case file = 2
  }

  public var encoding: Encoding
  /// 1...``maximumBytes`` bytes.
  public var data: [UInt8]

  /// Collects the parts.
  public init(encoding: Encoding, data: [UInt8]) {
    self.encoding = encoding
    self.data = data
  }

  /// Samples a second of `.pcm16`.
  public static let pcmSampleRate = 16_000

  /// Bytes of a sound at most: 20 seconds of 24-bit stereo at 48 kHz, and more than any model hears.
  public static let maximumBytes = 8 << 20

  /// Makes sure that the bytes can be what they are said to be. Nothing is decoded.
  ///
  /// - Parameter subject: names the sound in errors.
  /// - Throws: ``RobotError`` `.invalidAudio`.
  public func checkForm(_ subject: String) throws(RobotError) {
    func fault(_ message: String) -> RobotError { RobotError(.invalidAudio, "\(subject).data", message) }
    guard !data.isEmpty else { throw fault("the sound has no bytes") }
    guard data.count <= Self.maximumBytes else {
      throw fault("\(data.count) bytes, at most \(Self.maximumBytes) are allowed; shorten or compress it")
    }
    switch encoding {
    case .pcm16:
      guard data.count % 2 == 0 else { throw fault("expected samples of two bytes, found \(data.count) bytes") }
    case .file:
      guard isSoundFile else { throw fault("expected a WAV, FLAC or OGG file, found something else") }
    }
  }

  private var isSoundFile: Bool {
    // A film may begin with RIFF too.
    let isWave = data.dropFirst(8).prefix(4).elementsEqual("WAVE".utf8)
    let marks = ["fLaC", "OggS"] + (isWave ? ["RIFF", "RIFX", "RF64"] : [])
    return marks.contains { data.starts(with: $0.utf8) }
  }
}
