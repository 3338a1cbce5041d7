import Foundation
import Testing

/// `uio2 task` for films, sounds, maps and pictures on the golden checkpoint: what is written, printed and refused.
@Suite struct TaskMediaTests {
  private static let fixtures = "Tests/UnifiedIOTests/Fixtures"
  private static let model = fixtures + "/tiny-a"
  /// 300 x 100 pixels.
  private static let image = model + "/media/img_100x300.png"

  private func task(_ arguments: [String]) throws -> BuiltTool.Outcome {
    try BuiltTool.run(["task"] + arguments + ["--model", Self.model])
  }

  private func json(_ arguments: [String], keys: Set<String>) throws -> [String: Any] {
    let outcome = try task(arguments + ["--json"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    let report = try #require(try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any])
    #expect(Set(report.keys) == keys)
    return report
  }

  /// Width, height, bits a pixel and colour type (0 grey, 2 colours).
  private func header(ofPNG url: URL) throws -> [Int] {
    let bytes = Array(try Data(contentsOf: url))
    guard bytes.count > 26, bytes.starts(with: [0x89, 0x50, 0x4e, 0x47]) else { return [] }
    func number(_ start: Int) -> Int { bytes[start..<start + 4].reduce(0) { $0 << 8 | Int($1) } }
    return [number(16), number(20), Int(bytes[24]), Int(bytes[25])]
  }

  @Test func depthIsMillimetresAFigureAndAGreyPicture() throws {
    try BuiltTool.withFolder { folder in
      let file = folder.appending(path: "depth.png"), drawing = folder.appending(path: "grey.png")
      let report = try json(
        ["depth", "--image", Self.image, "-o", file.path, "--draw", drawing.path], keys: ["task", "depth", "written"])
      let depth = try #require(report["depth"] as? [String: Double])
      let (nearest, farthest) = (try #require(depth["nearest"]), try #require(depth["farthest"]))
      #expect(0 <= nearest && nearest < farthest && farthest <= 10)
      #expect((report["written"] as? [String: Any])?["width"] as? Int == 300)
      #expect(try header(ofPNG: file) == [300, 100, 16, 0])
      #expect(try header(ofPNG: drawing) == [300, 100, 8, 2])
    }
  }

  @Test func aMaskIsAFigureAPictureAndADrawing() throws {
    try BuiltTool.withFolder { folder in
      let file = folder.appending(path: "mask.png"), drawing = folder.appending(path: "drawn.png")
      let arguments = ["segmentation", "--image", Self.image, "--box", "10,20,200,90", "--text", "block"]
      let report = try json(
        arguments + ["-o", file.path, "--draw", drawing.path], keys: ["task", "masks", "written"])
      let masks = try #require(report["masks"] as? [[String: Any]])
      #expect(masks.count == 1 && masks[0]["label"] as? String == "block")
      let area = try #require(masks[0]["area"] as? Int), share = try #require(masks[0]["share"] as? Double)
      #expect(abs(share - Double(area) / 30_000) < 1e-6)
      #expect(try header(ofPNG: file) == [300, 100, 8, 2])
      #expect(try header(ofPNG: drawing) == [300, 100, 8, 2])
      let printed = try task(arguments)
      #expect(printed.output.hasPrefix("object ") && printed.output.contains("\(area)"))
    }
  }

  @Test(arguments: [
    ["surface-normals", "--image", image], ["image-generation", "--text", "a fox"],
    ["image-editing", "--image", image, "--text", "make it blue"],
    ["inpainting", "--image", image, "--box", "10,20,200,90", "--text", "cat"],
  ])
  func aPictureIsWritten(arguments: [String]) throws {
    try BuiltTool.withFolder { folder in
      let file = folder.appending(path: "new/picture.png")
      let outcome = try task(arguments + ["-o", file.path])
      #expect(outcome.status == 0, "\(outcome.errors)")
      #expect(outcome.output.hasSuffix(file.path + "\n"))
      #expect(try header(ofPNG: file) == (arguments.contains("--image") ? [300, 100, 8, 2] : [256, 256, 8, 2]))
    }
  }

  @Test func aSoundIsWritten() throws {
    try BuiltTool.withFolder { folder in
      let file = folder.appending(path: "rain.wav")
      let report = try json(["audio-generation", "--text", "rain", "-o", file.path], keys: ["task", "written"])
      #expect((report["written"] as? [String: Any])?["seconds"] as? Double == 4.08)
      #expect(try Data(contentsOf: file).starts(with: Data("RIFF".utf8)))
      let vocoder = "Tests/ModelImportTests/Fixtures/vocoder/double/model.safetensors"
      let other = try json(
        ["audio-generation", "--text", "rain", "-o", file.path, "--vocoder", vocoder], keys: ["task", "written"])
      #expect((other["written"] as? [String: Any])?["seconds"] as? Double == 4.096)
    }
  }

  @Test(arguments: [
    ["video-caption", "--video", fixtures + "/media/scenes.mp4"],
    ["video-tagging", "--video", fixtures + "/media/silent.mp4"],
    ["audio-caption", "--audio", fixtures + "/media/tone.flac"],
  ])
  func filmsAndSoundsAreAnsweredInWords(arguments: [String]) throws {
    let report = try json(arguments + ["--max-tokens", "4"], keys: ["task", "answer"])
    #expect(((report["answer"] as? [String: Any])?["tokens"] as? [Int])?.count == 4)
  }

  @Test(arguments: [
    ["depth"], ["depth", "--image", image, "--text", "x"], ["depth", "--image", image, "-o", "a.jpg"],
    ["segmentation", "--image", image], ["segmentation", "--image", image, "--text", "x", "--threshold", "0.1"],
    ["segmentation", "--image", image, "--box", "1,2,3,4", "--text", "x", "--instances"],
    ["image-generation", "--text", "x"], ["image-generation", "--text", "x", "-o", "a.wav"],
    ["image-generation", "--text", "x", "-o", "a.png", "--beams", "2"],
    ["image-generation", "--text", "x", "-o", "a.png", "--image", image],
    ["inpainting", "--image", image, "-o", "a.png"], ["image-editing", "--image", image, "-o", "a.png"],
    ["audio-generation", "--text", "x", "-o", "a.png"], ["video-caption", "--image", image],
    ["audio-caption", "--video", "a.mp4"], ["caption", "--image", image, "--guidance", "3"],
    ["vqa", "--image", image, "--text", "x", "-o", "a.png"], ["depth", "--image", image, "--vocoder", "x"],
  ])
  func optionsThatDoNotGoTogetherAreWrongUsage(arguments: [String]) throws {
    let outcome = try task(arguments)
    #expect(outcome.status == 64)
    #expect(outcome.errors.hasPrefix("Error: "))
  }
}
