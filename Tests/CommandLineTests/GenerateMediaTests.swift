import Foundation
import Testing

/// `uio2 generate` with sound and films in, pictures and sounds out, on the golden checkpoint.
@Suite struct GenerateMediaTests {
  private static let fixtures = "Tests/UnifiedIOTests/Fixtures"
  private static let model = fixtures + "/tiny-a"
  private static let sound = model + "/media/tone13s_16k_mono.wav"
  private static let film = fixtures + "/media/scenes.mp4"

  private func generate(_ arguments: [String], model: String = Self.model) throws -> BuiltTool.Outcome {
    try BuiltTool.run(["generate", "--model", model, "--prompt", "a red block"] + arguments)
  }

  private func number(_ bytes: Data, _ places: Range<Int>, bigEndian: Bool) -> Int {
    let part = bytes[places]
    return (bigEndian ? Array(part) : part.reversed()).reduce(0) { $0 << 8 | Int($1) }
  }

  private func size(ofPNG bytes: Data) -> [Int] {
    guard bytes.count > 24, bytes.starts(with: [0x89, 0x50, 0x4e, 0x47]) else { return [] }
    return [number(bytes, 16..<20, bigEndian: true), number(bytes, 20..<24, bigEndian: true)]
  }

  @Test func aPictureFromWordsIsTheModelsSquare() throws {
    try BuiltTool.withFolder { folder in
      let file = folder.appending(path: "new/fox.png")
      let outcome = try generate(["--output", "image", "-o", file.path, "--seed", "3"])
      #expect(outcome.status == 0, "\(outcome.errors)")
      #expect(outcome.errors.isEmpty)
      #expect(outcome.output == file.path + "\n")
      let first = try Data(contentsOf: file)
      #expect(size(ofPNG: first) == [256, 256])
      #expect(try generate(["--output", "image", "-o", file.path, "--seed", "3"]).status == 0)
      #expect(try Data(contentsOf: file) == first)
      let unguided = ["--output", "image", "-o", file.path, "--seed", "3", "--guidance", "0"]
      #expect(try generate(unguided).status == 0)
      #expect(try Data(contentsOf: file) != first)
    }
  }

  @Test func aPictureOfAPictureHasItsSize() throws {
    try BuiltTool.withFolder { folder in
      let file = folder.appending(path: "edit.png")
      let image = Self.model + "/media/img_100x300.png"
      let outcome = try generate(["--image", image, "--output", "image", "-o", file.path, "--json"])
      #expect(outcome.status == 0, "\(outcome.errors)")
      let picture = try size(ofPNG: Data(contentsOf: file))
      #expect(picture == [300, 100])
      let report = try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any]
      let written = try #require(report?["written"] as? [String: Any])
      #expect(written["width"] as? Int == 300 && written["height"] as? Int == 100)
      #expect(written["file"] as? String == file.path)
    }
  }

  @Test func aSoundLastsASegment() throws {
    try BuiltTool.withFolder { folder in
      let file = folder.appending(path: "rain.wav")
      let outcome = try generate(["--output", "audio", "-o", file.path])
      #expect(outcome.status == 0, "\(outcome.errors)")
      let bytes = try Data(contentsOf: file)
      #expect(bytes.starts(with: Data("RIFF".utf8)))
      #expect(number(bytes, 24..<28, bigEndian: false) == 16_000)
      #expect(number(bytes, 40..<44, bigEndian: false) == 2 * 65_280)
    }
  }

  @Test func aVocoderMakesAnotherSoundOfTheSameTokens() throws {
    let vocoder = "Tests/ModelImportTests/Fixtures/vocoder/single"
    try BuiltTool.withFolder { folder in
      let file = folder.appending(path: "rain.wav")
      let outcome = try generate(["--output", "audio", "-o", file.path, "--vocoder", vocoder])
      #expect(outcome.status == 0, "\(outcome.errors)")
      #expect(try number(Data(contentsOf: file), 40..<44, bigEndian: false) == 2 * 65_536)
      let broken = try generate(["--output", "audio", "-o", file.path, "--vocoder", "Package.swift"])
      #expect(broken.status == 65 && broken.errors.hasPrefix("uio2: unreadable_file: "))
    }
  }

  @Test(arguments: [
    ["--audio", sound], ["--video", film], ["--audio", sound, "--image", model + "/media/img_100x300.png"],
  ])
  func soundsAndFilmsAreAnswered(media: [String]) throws {
    let answer = try generate(media + ["--max-tokens", "4", "--json"])
    #expect(answer.status == 0, "\(answer.errors)")
    let silent = try generate(["--max-tokens", "4", "--json"])
    #expect(answer.output.contains("\"confidence\""))
    #expect(answer.output != silent.output)
  }

  @Test func aRecordingThatIsTooLongIsRefused() throws {
    try BuiltTool.withFolder { folder in
      // 24 seconds at a thousand samples a second.
      let count = UInt32(48_000)
      var bytes = Data("RIFF".utf8)
      func append(_ values: UInt32...) {
        for value in values { withUnsafeBytes(of: value.littleEndian) { bytes += $0 } }
      }
      append(36 + count)
      bytes += Data("WAVEfmt ".utf8)
      append(16, 1 << 16 | 1, 1000, 2000, 16 << 16 | 2)
      bytes += Data("data".utf8)
      append(count)
      bytes += Data(repeating: 1, count: Int(count))
      let file = folder.appending(path: "long.wav")
      try bytes.write(to: file)
      let outcome = try generate(["--audio", file.path])
      #expect(outcome.status == 65)
      #expect(outcome.errors.hasPrefix("uio2: invalid_input: audio: lasts 24.0 seconds"))
    }
  }

  @Test(arguments: [["--output", "image", "-o", "a.png"], ["--output", "audio", "-o", "a.wav"]])
  func aCheckpointThatWritesOnlyWordsSaysSo(output: [String]) throws {
    let policy = "Policies/metaworld-mt5"
    let outcome = try generate(output, model: policy)
    #expect(outcome.status == 65)
    #expect(outcome.errors.hasPrefix("uio2: unsupported_modality: \(output[1]): "))
    #expect(!FileManager.default.fileExists(atPath: BuiltTool.repository.appending(path: output[3]).path))
  }

  @Test(arguments: [
    ["--output", "image"], ["--output", "image", "-o", "a.jpg"], ["--output", "audio", "-o", "a.png"],
    ["-o", "a.png"], ["--guidance", "3"], ["--negative-prompt", "x"], ["--vocoder", "x"],
    ["--output", "image", "-o", "a.png", "--vocoder", "x"],
    ["--output", "image", "-o", "a.png", "--beams", "2"], ["--output", "image", "-o", "a.png", "--max-tokens", "2"],
    ["--video", "a.mp4", "--image", "a.png"], ["--video", "a.mp4", "--audio", "a.wav"],
  ])
  func optionsThatDoNotGoTogetherAreWrongUsage(arguments: [String]) throws {
    let outcome = try generate(arguments)
    #expect(outcome.status == 64)
    #expect(outcome.errors.hasPrefix("Error: "))
  }
}
