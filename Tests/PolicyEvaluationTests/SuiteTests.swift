import Foundation
import PolicyEvaluation
import RunDatabase
import TestSupport
import Testing

@Suite("A suite file")
struct SuiteTests {
  private func suite(_ text: String) throws(RolloutError) -> PolicyEvaluation.Suite {
    try PolicyEvaluation.Suite(yaml: Array(text.utf8), file: "x.yaml", digest: "ab")
  }

  private let good = """
    name: two
    environment: toy
    seeds: {first: 3, count: 5}
    step_limit: 40
    success: end
    tasks:
      - {name: reach-red, group: a}
      - {name: reach-green, group: b}
      - {name: reach-blue, group: a}
    """

  @Test func `says what is evaluated`() throws {
    let suite = try suite(good)
    #expect(suite.name == "two" && suite.environment == "toy" && suite.stepLimit == 40 && suite.success == .end)
    #expect(suite.firstSeed == 3 && suite.episodes == 5)
    #expect(suite.tasks.map(\.name) == ["reach-red", "reach-green", "reach-blue"])
    #expect(suite.tasks.map(\.group) == ["a", "b", "a"])
  }

  @Test(arguments: [
    ("name: two", "name: --two", "x.yaml:1"), ("count: 5", "count: 0", "x.yaml:3"),
    ("success: end", "success: often", "x.yaml:5"), ("reach-green", "reach-red", "x.yaml:8"),
    ("step_limit", "step_limits", "x.yaml:4"), ("environment: toy\n", "", "x.yaml"),
    ("first: 3", "first: [3]", "x.yaml:3"),
    ("tasks:", "tasks: {", "x.yaml"),
  ])
  func `is refused with the line at fault`(part: String, replacement: String, subject: String) {
    let error = #expect(throws: RolloutError.self) { try suite(good.replacing(part, with: replacement)) }
    #expect(error?.code == .invalidPlan)
    #expect(error?.subject.hasPrefix(subject) == true, "\(error?.subject ?? "") \(error?.message ?? "")")
  }

  @Test(arguments: [#"a\nb"#, #"a\rb"#, #"\e[31mred"#, #"a\tb"#, #"a\u202eb"#, #"a\u2028b"#])
  func `a group that is no line of plain text is refused`(group: String) {
    let error = #expect(throws: RolloutError.self) {
      try suite(good.replacing("group: b", with: "group: \"\(group)\""))
    }
    #expect(error?.subject == "x.yaml:8" && error?.message.contains("control characters") == true)
  }

  @Test func `a folded description is one line`() throws {
    let text = good.replacing("environment: toy", with: "environment: toy\ndescription: >\n  reach\n  far")
    #expect(try suite(text).description == "reach far")
  }

  @Test func `a task runs once for each variant, which is its group`() throws {
    let suite = try suite(
      """
      name: harder
      environment: metaworld
      view: published
      seeds: {first: 0, count: 2}
      variants:
        - {severity: 0}
        - {perturbation: camera, severity: 2}
      tasks:
        - {name: push-v3}
        - {name: push-v3, instruction_from: reach-v3}
      """)
    #expect(
      suite.tasks.map(\.name) == [
        "push-v3", "push-v3.camera-2", "push-v3.says-reach-v3", "push-v3.says-reach-v3.camera-2",
      ])
    #expect(suite.tasks.map(\.group) == ["unperturbed", "camera-2", "unperturbed", "camera-2"])
    #expect(suite.tasks.allSatisfy { $0.scene == "push-v3" && $0.options.view == "published" })
    let last = try #require(suite.tasks.last).options
    #expect(last.perturbation == "camera" && last.severity == 2 && last.instructionFrom == "reach-v3")
    let plain = try #require(suite.tasks.first).options
    #expect(plain.perturbation == nil && plain.severity == nil && plain.instructionFrom == nil)
  }

  @Test func `a row may be said aloud, beside the row in words`() throws {
    let suite = try suite(
      """
      name: spoken
      environment: metaworld
      seeds: {first: 0, count: 2}
      tasks:
        - {name: drawer-open-v3, instruction_from: drawer-close-v3}
        - {name: drawer-open-v3, instruction_from: drawer-close-v3, speech: held-out}
      """)
    #expect(
      suite.tasks.map(\.name) == [
        "drawer-open-v3.says-drawer-close-v3", "drawer-open-v3.says-drawer-close-v3.aloud",
      ])
    #expect(suite.tasks.map(\.options.speech) == [nil, "held-out"])
    for name in ["../voices", "/tmp", "a b", "[]"] {
      #expect(throws: RolloutError.self) { try self.suite(good + "\n  - {name: push-v3, speech: \(name)}\n") }
    }
  }

  @Test func `a task may be asked for in other words`() throws {
    let suite = try suite(
      """
      name: worded
      environment: metaworld
      seeds: {first: 0, count: 2}
      tasks:
        - {name: push-v3}
        - {name: push-v3, words: "Shove the puck, please!"}
      """)
    #expect(suite.tasks.map(\.name) == ["push-v3", "push-v3.words-shove-the-puck-please"])
    #expect(suite.tasks.map(\.options.words) == [nil, "Shove the puck, please!"])
    #expect(suite.tasks.map(\.scene) == ["push-v3", "push-v3"])
    #expect(suite.requirements.last?.contains(#""words":"Shove the puck, please!""#) == true)
    #expect(throws: RolloutError.self) { try self.suite(good + "\n  - {name: push-v3, words: \" \"}\n") }
  }

  @Test(arguments: [
    ("{severity: 1}", "perturbation"), ("{perturbation: camera, severity: 5}", "0 to 4"),
    ("{perturbation: camera}", "severity"), ("{perturbation: camera, severity: 0}", "again"),
    ("{kind: camera}", "kind"), ("{perturbation: textur, severity: 1}", "did you mean texture?"),
    ("{perturbation: fog, severity: 1}", "expected one of camera, light"),
  ])
  func `a variant that is none is refused`(entry: String, words: String) {
    let text = good.replacing("tasks:", with: "variants:\n  - {severity: 0}\n  - \(entry)\ntasks:")
    let error = #expect(throws: RolloutError.self) { try suite(text) }
    #expect(error?.code == .invalidPlan && error?.message.contains(words) == true, "\(error?.message ?? "")")
  }

  @Test func `the kinds of the suites' description can be named, and no others`() throws {
    let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..").standardized
    let text = try String(contentsOf: root.appending(path: "Envs/suites/README.md"), encoding: .utf8)
    let table = try #require(text.components(separatedBy: "| kind |").last?.components(separatedBy: "\n\n").first)
    let kinds = table.split(separator: "\n").compactMap { line -> Substring? in
      line.hasPrefix("| `") ? line.dropFirst(3).prefix { $0 != "`" } : nil
    }
    #expect(kinds.count == 8)
    for kind in kinds {
      let variants = "variants: [{severity: 0}, {perturbation: \(kind), severity: 2}]\ntasks:"
      let tasks = good.replacing("tasks:", with: variants).replacing(/, group: [^}]*/, with: "")
      #expect(try suite(tasks).tasks.contains { $0.options.perturbation == String(kind) })
    }
  }

  @Test func `groups and variants exclude each other`() {
    let text = good.replacing("tasks:", with: "variants: [{severity: 0}]\ntasks:")
    #expect(throws: RolloutError.self) { try suite(text) }
  }

  @Test func `mutated bytes are read or refused, and never end the program`() {
    var random = SeededGenerator(seed: 8)
    var (read, refused) = (0, 0)
    for _ in 0..<5000 {
      do {
        _ = try PolicyEvaluation.Suite(yaml: random.mutated(Array(good.utf8)), file: "x.yaml", digest: "")
        read += 1
      } catch {
        refused += 1
      }
    }
    #expect(read > 0 && refused > 1000)
  }

  @Test(arguments: ["[", "{a: ", "- ", "&a [*a, "]) func `nesting without end is refused`(opening: String) {
    #expect(throws: RolloutError.self) { try suite("tasks: " + String(repeating: opening, count: 200_000)) }
  }

  @Test func `every suite of the repository can be read, and MT50 has its published tiers`() throws {
    let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../Envs/suites").standardized
    let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
      .filter { $0.pathExtension == "yaml" }
    #expect(files.count >= 4)
    for file in files {
      let bytes = [UInt8](try Data(contentsOf: file))
      let suite = try PolicyEvaluation.Suite(yaml: bytes, file: file.lastPathComponent, digest: "")
      #expect(suite.name == file.deletingPathExtension().lastPathComponent)
      if suite.name == "metaworld-mt50" {
        let tiers = Dictionary(grouping: suite.tasks, by: \.group).mapValues(\.count)
        #expect(tiers == ["easy": 28, "medium": 11, "hard": 6, "very hard": 5])
      }
    }
  }
}
