import Foundation
import UnifiedIO

/// The tasks on the golden checkpoint, whose weights are random: what it says means nothing, how it is read does.
enum TinyTasks {
  static func runner() throws -> TaskRunner { try TaskRunner(directory: Fixtures.url("tiny-a")) }

  /// 640 pixels wide, 480 high.
  static func image() throws -> Image { try Image.decode(Fixtures.bytes("tiny-a/media/img_480x640.png")) }

  static func tokenizer() throws -> Tokenizer { try Tokenizer(modelFile: Fixtures.url("tiny-a/tokenizer.model")) }
}
