import Foundation
import Testing

/// `uio2 generate`, `task` and `score` on the golden checkpoint: what they print, draw and exit with.
@Suite struct GenerateCommandTests {
  private static let model = "Tests/UnifiedIOTests/Fixtures/tiny-a"
  private static let image = model + "/media/img_480x640.png"
  private static let frame = model + "/media/hist0_256x128.png"

  private func run(_ command: [String], _ arguments: [String]) throws -> BuiltTool.Outcome {
    try BuiltTool.run(command + ["--model", Self.model] + arguments)
  }

  /// The JSON that a run prints; the keys of its top level are held against `keys`.
  private func json(_ command: [String], _ arguments: [String], keys: Set<String>) throws -> [String: Any] {
    let outcome = try run(command, arguments + ["--json"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.errors.isEmpty)
    let object = try JSONSerialization.jsonObject(with: Data(outcome.output.utf8))
    let report = try #require(object as? [String: Any])
    #expect(Set(report.keys) == keys)
    return report
  }

  @Test func generatePrintsTheAnswerAndNothingElse() throws {
    let arguments = ["--image", Self.image, "--prompt", "What is this?", "--max-tokens", "6"]
    let outcome = try run(["generate"], arguments)
    #expect(outcome.status == 0)
    #expect(outcome.errors.isEmpty)
    let report = try json(["generate"], arguments, keys: ["task", "answer"])
    let answer = try #require(report["answer"] as? [String: Any])
    #expect(Set(answer.keys) == ["text", "tokens", "finish", "confidence"])
    #expect(outcome.output == (try #require(answer["text"] as? String)) + "\n")
    #expect((answer["tokens"] as? [Int])?.count == 6)
    #expect(answer["finish"] as? String == "length")
    #expect(report["task"] as? String == "generate")
  }

  @Test func historyBoxBeamsAndSeedsArePassedOn() throws {
    func tokens(_ more: [String]) throws -> [Int] {
      let arguments = ["--image", Self.image, "--prompt", "What is {box} ?", "--max-tokens", "5"] + more
      let report = try json(["generate"], ["--box", "10,20,300,400"] + arguments, keys: ["task", "answer"])
      return try #require((report["answer"] as? [String: Any])?["tokens"] as? [Int])
    }
    let drawn = ["--temperature", "2", "--top-p", "0.99"]
    #expect(try tokens(drawn + ["--seed", "1"]) == tokens(drawn + ["--seed", "1"]))
    #expect(try tokens(drawn + ["--seed", "1"]) != tokens(drawn + ["--seed", "2"]))
    #expect(try tokens(["--beams", "2"]).count == 5)
    let outcome = try run(
      ["generate"], ["--image", Self.frame, "--image", Self.image, "--prompt", "x", "--max-tokens", "2"])
    #expect(outcome.status == 0)
  }

  @Test func aRegionIsATableAnObjectAndADrawing() throws {
    try BuiltTool.withFolder { folder in
      let picture = folder.appending(path: "new/drawn.png")
      let arguments = ["--image", Self.image, "--text", "the red block"]
      let outcome = try run(["task", "refexp"], arguments + ["--draw", picture.path])
      #expect(outcome.status == 0, "\(outcome.errors)")
      #expect(outcome.output.hasPrefix("object "))
      #expect(try Data(contentsOf: picture).starts(with: [0x89, 0x50, 0x4e, 0x47]))
      let report = try json(["task", "refexp"], arguments, keys: ["task", "answer", "objects"])
      let objects = try #require(report["objects"] as? [[String: Any]])
      #expect(objects.count == 1)
      #expect(Set(objects[0].keys) == ["box", "label", "score"])
      let box = try #require(objects[0]["box"] as? [Double])
      #expect(box.count == 4)
      #expect(box.allSatisfy { (0...640).contains($0) })
    }
  }

  @Test func aPersonHasSeventeenJoints() throws {
    let report = try json(
      ["task", "keypoints"], ["--image", Self.image, "--box", "10,20,300,400"], keys: ["task", "persons"])
    let persons = try #require(report["persons"] as? [[String: Any]])
    let joints = try #require(persons.first?["joints"] as? [[String: Any]])
    #expect(joints.count == 17)
    #expect(joints.first?["name"] as? String == "nose")
    #expect(Set(joints[0].keys) == ["name", "x", "y", "visible", "score"])
  }

  @Test func optionsAreScored() throws {
    let options = ["--option", "a red block", "--option", "star"]
    let report = try json(
      ["score"], ["--image", Self.image, "--prompt", "What is this?"] + options, keys: ["task", "options", "best"])
    let scored = try #require(report["options"] as? [[String: Any]])
    #expect(scored.map { $0["text"] as? String } == ["a red block", "star"])
    let best = try #require(report["best"] as? String)
    let averages = scored.compactMap { $0["average"] as? Double }
    #expect(best == (averages[0] <= averages[1] ? "a red block" : "star"))
    for option in scored {
      let sum = try #require(option["sum"] as? Double), count = try #require(option["tokens"] as? Int)
      let average = try #require(option["average"] as? Double)
      #expect(abs(sum / Double(count) - average) < 1e-4)
    }
    let released = try json(
      ["task", "categorization"], ["--image", Self.image] + options, keys: ["task", "options", "best"])
    let tokens = try #require(released["options"] as? [[String: Any]]).compactMap { $0["tokens"] as? Int }
    #expect(tokens == scored.compactMap { $0["tokens"] as? Int }.map { $0 + 1 })
  }

  @Test(arguments: [
    ["generate", "--prompt", "x", "--image", "/nowhere.png"],
    ["generate", "--prompt", "x", "--image", "Package.swift"],
    ["generate", "--prompt", "x", "--tokenizer", "Package.swift"],
    ["generate", "--prompt", "x", "--audio", "/nowhere.wav"],
    ["generate", "--prompt", "x", "--audio", "Package.swift"],
    ["generate", "--prompt", "x", "--video", "/nowhere.mp4"],
    ["generate", "--prompt", "x", "--video", model + "/media/tone6s_16k_mono.wav"],
    ["generate", "--prompt", "x {box}", "--image", image, "--box", "700,10,800,20"],
    ["task", "refexp", "--text", "a block", "--image", image, "--free-form"],
  ])
  func badDataIsOneLineAndACode(arguments: [String]) throws {
    let outcome = try BuiltTool.run(arguments + ["--model", Self.model])
    #expect(outcome.status == 65)
    #expect(outcome.errors.hasPrefix("uio2: "))
    #expect(outcome.errors.count(where: \.isNewline) == 1)
    #expect(outcome.output.isEmpty)
  }

  @Test(arguments: [
    ["task", "fly"], ["task", "vqa", "--image", image], ["task", "vqa", "--text", "x"],
    ["task", "caption", "--image", image, "--text", "x"], ["task", "caption", "--image", frame, "--image", image],
    ["task", "box-classification", "--image", image], ["task", "categorization", "--image", image],
    ["task", "box-classification", "--image", image, "--box", "1,2,3,4", "--sum"],
    ["task", "action", "--text", "x", "--state", "a,b"], ["generate", "--prompt", "x", "--box", "1,2,3"],
    ["generate", "--prompt", "x", "--box", "1,2,3,nan"], ["generate", "--prompt", "x", "--draw", "a.png"],
    ["generate"], ["score", "--prompt", "x"], ["task", "vqa", "--text", "x", "--image", image, "--audio", "a.wav"],
  ])
  func wrongUsageIsExplained(arguments: [String]) throws {
    let outcome = try BuiltTool.run(arguments + ["--model", Self.model])
    #expect(outcome.status == 64)
    #expect(outcome.errors.hasPrefix("Error: "))
  }
}
