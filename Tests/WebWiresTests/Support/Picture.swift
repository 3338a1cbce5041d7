import MessagePack

/// The picture that the clients of these tests send: 4 × 2 pixels.
enum Picture {
  static let pixels = (0..<24).map { UInt8($0) }

  private static var array: NumericArray {
    get throws { try NumericArray(.uint8, shape: [2, 4, 3], bytes: pixels[...]) }
  }

  /// As openpi's clients write an array.
  static var openpi: MessagePackValue { get throws { try array.messagePack(.openpi) } }

  /// As vla-eval's harness writes an array.
  static var vlaEval: MessagePackValue { get throws { try array.messagePack(.vlaEval) } }
}
