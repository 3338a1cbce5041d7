import Foundation
import Testing

/// Media that are damaged, odd or empty, as a user meets them: the right answer, or one line that names what is wrong.
@Suite struct MediaRobustnessTests {
  private static let fixtures = "Tests/UnifiedIOTests/Fixtures/"

  private func answer(_ option: String, _ file: String) throws -> BuiltTool.Outcome {
    try BuiltTool.run([
      "generate", "--model", Self.fixtures + "tiny-a", "--prompt", "What is this?", "--max-tokens", "2", option,
      file.hasPrefix("/") ? file : Self.fixtures + file,
    ])
  }

  @Test(arguments: [
    ("--image", "codecs/zero-width.png", "invalid_image"), ("--image", "codecs/zero-height.png", "invalid_image"),
    ("--image", "codecs/thin.png", "invalid_image"), ("--image", "codecs/wide.png", "invalid_image"),
    ("--image", "codecs/huge.png", "invalid_image"),
    ("--audio", "media/nan.wav", "invalid_sound"), ("--audio", "media/empty.wav", "invalid_sound"),
    ("--audio", "media/silent.mp4", "invalid_sound"),
    ("--video", "media/no-frames.avi", "invalid_video"), ("--video", "media/recording.m4a", "invalid_video"),
    ("--video", "media/tone.flac", "invalid_video"),
  ])
  func whatCannotBeReadIsOneLine(option: String, file: String, code: String) throws {
    let outcome = try answer(option, file)
    #expect(outcome.status == 65)
    #expect(outcome.errors.hasPrefix("uio2: \(code): "), "\(outcome.errors)")
    #expect(outcome.errors.count(where: \.isNewline) == 1)
    #expect(outcome.output.isEmpty)
  }

  @Test(arguments: ["444.jpg", "progressive.jpg", "cmyk.jpg", "rgb-16.png"])
  func aPictureThatIsCutShortIsOneLine(name: String) throws {
    try BuiltTool.withFolder { folder in
      let whole = BuiltTool.repository.appending(path: Self.fixtures + "codecs/" + name)
      let file = folder.appending(path: name)
      try Data(contentsOf: whole).dropLast(100).write(to: file)
      let outcome = try answer("--image", file.path)
      #expect(outcome.status == 65)
      #expect(outcome.errors.hasPrefix("uio2: invalid_image: \(file.path): "))
    }
  }

  @Test(arguments: [
    ("--image", "invalid_image"), ("--audio", "invalid_sound"), ("--video", "invalid_video"),
  ])
  func aFileWithoutAByteIsOneLine(option: String, code: String) throws {
    try BuiltTool.withFolder { folder in
      let file = folder.appending(path: "empty")
      try Data().write(to: file)
      let outcome = try answer(option, file.path)
      #expect(outcome.status == 65)
      #expect(outcome.errors.hasPrefix("uio2: \(code): \(file.path): "), "\(outcome.errors)")
      #expect(outcome.errors.count(where: \.isNewline) == 1)
    }
  }

  /// That the pixels and samples are right is tested beside the decoders.
  @Test(arguments: [
    ("--image", "codecs/rgb-16.png"), ("--image", "codecs/grey-16.png"), ("--image", "codecs/cmyk.jpg"),
    ("--image", "codecs/orientation-6.jpg"), ("--image", "codecs/palette-transparent.png"),
    ("--audio", "media/eight-channels.wav"), ("--audio", "media/tone.ogg"), ("--audio", "media/clip.avi"),
    ("--video", "media/silent.mp4"), ("--video", "media/clip.avi"),
  ])
  func whatIsOddIsAnswered(option: String, file: String) throws {
    let outcome = try answer(option, file)
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.errors.isEmpty)
  }
}
