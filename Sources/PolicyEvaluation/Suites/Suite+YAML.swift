import Foundation
import RunDatabase
import Yams

extension Suite {
  private static let maximumBytes = 1 << 20
  private static let maximumTasks = 10_000

  /// Reads the text of a suite file.
  ///
  /// - Parameters:
  ///   - text: UTF-8 YAML, at most 1 MiB.
  ///   - file: names the file in errors.
  ///   - digest: hex SHA-256 of `text`.
  /// - Throws: ``RolloutError`` `.invalidPlan` naming the file, the line and the key at fault.
  public init(yaml text: [UInt8], file: String, digest: String) throws(RolloutError) {
    guard text.count <= Self.maximumBytes, let string = String(validating: text, as: UTF8.self) else {
      throw RolloutError(.invalidPlan, file, "expected at most \(Self.maximumBytes) bytes of UTF-8 text")
    }
    let root: Node?
    do { root = try Yams.compose(yaml: string) } catch {
      throw RolloutError(.invalidPlan, file, "expected YAML: \(String(describing: error).firstLine)")
    }
    guard let root else { throw RolloutError(.invalidPlan, file, "expected a suite, found an empty file") }
    let fields = try SuiteField(root, file: file, path: "").mapping(
      known: [
        "name", "description", "environment", "seeds", "step_limit", "success", "view", "variants", "tasks",
      ])
    name = try fields.required("name").identifier()
    description = try fields.optional("description")?.text() ?? ""
    environment = try fields.required("environment").identifier()
    let seeds = try fields.required("seeds").mapping(known: ["first", "count"])
    firstSeed = try seeds.required("first").integer(in: 0...Int(Int32.max))
    episodes = try seeds.required("count").integer(in: 1...Self.maximumEpisodes)
    stepLimit = try fields.optional("step_limit")?.integer(in: 1...Self.maximumEpisodes)
    success = try fields.optional("success")?.choice() ?? .any
    let view = try fields.optional("view")?.identifier()
    let variants = try Self.variants(fields.optional("variants"))
    var tasks: [Task] = []
    var names: Set<String> = []
    for field in try fields.required("tasks").sequence(upTo: Self.maximumTasks) {
      for task in try Self.tasks(field, variants: variants, view: view) {
        guard names.insert(task.name).inserted else { throw field.fault("expected each task once, found it again") }
        tasks.append(task)
      }
      guard tasks.count <= Self.maximumTasks else {
        throw field.fault("expected at most \(Self.maximumTasks) tasks with their variants")
      }
    }
    guard !tasks.isEmpty else { throw try fields.required("tasks").fault("expected at least one task") }
    self.tasks = tasks
    self.digest = digest
  }

  /// One variant of every task: `nil` and 0 for the plain one.
  private struct Variant: Hashable {
    var perturbation: String?
    var severity = 0
    /// What it is called in names and groups; `nil`: the plain one.
    var label: String? { severity == 0 ? nil : "\(perturbation ?? "")-\(severity)" }
  }

  private static let maximumSeverity = 4

  /// What can be made harder (`variant.py`, `Envs/suites/README.md`). A simulator may be without some of them.
  static let perturbations = [
    "camera", "light", "texture", "distractors", "moved_object", "jpeg", "blur", "actuation_noise",
  ]

  /// The variants in their order; `nil` when the file has none.
  private static func variants(_ field: SuiteField?) throws(RolloutError) -> [Variant]? {
    guard let field else { return nil }
    var variants: [Variant] = []
    for entry in try field.sequence(upTo: 100) {
      let keys = try entry.mapping(known: ["perturbation", "severity"])
      let variant = Variant(
        perturbation: try keys.optional("perturbation")?.name(of: perturbations),
        severity: try keys.required("severity").integer(in: 0...maximumSeverity))
      if variant.severity > 0, variant.perturbation == nil {
        throw entry.fault("expected a perturbation with severity \(variant.severity)")
      }
      guard !variants.contains(where: { $0.label == variant.label }) else {
        throw entry.fault("expected each variant once, found it again")
      }
      variants.append(variant)
    }
    guard !variants.isEmpty else { throw field.fault("expected at least one variant") }
    return variants
  }

  /// A wording as part of a name: its letters and digits in lower case, the others as single hyphens.
  private static func label(of words: String) -> String {
    let parts = words.lowercased().split { !($0.isASCII && ($0.isLetter || $0.isNumber)) }
    return String(parts.joined(separator: "-").prefix(48))
  }

  /// A task of the file with each of the variants.
  private static func tasks(
    _ field: SuiteField, variants: [Variant]?, view: String?
  ) throws(RolloutError) -> [Task] {
    let keys = try field.mapping(known: ["name", "group", "instruction_from", "speech", "words"])
    let scene = try keys.required("name").identifier()
    let said = try keys.optional("instruction_from")?.identifier()
    let speech = try keys.optional("speech")?.identifier()
    let words = try keys.optional("words")?.text()
    if let words, words.allSatisfy(\.isWhitespace) { throw field.fault("words: expected at least one word") }
    let group = try keys.optional("group")?.text()
    if let group = keys.optional("group"), variants != nil {
      throw group.fault("expected no group beside variants, which are the groups")
    }
    return (variants ?? [Variant()]).map { variant in
      var options = Options()
      options.view = view
      options.instructionFrom = said
      options.speech = speech
      options.words = words
      var name = scene
      if let said { name += ".says-\(said)" }
      if speech != nil { name += ".aloud" }
      if let words { name += ".words-\(Self.label(of: words))" }
      if let label = variant.label {
        options.perturbation = variant.perturbation
        options.severity = variant.severity
        name += ".\(label)"
      }
      let variantGroup = variants == nil ? nil : variant.label ?? "unperturbed"
      return Task(name: name, group: variantGroup ?? group ?? "", scene: scene, options: options)
    }
  }
}

extension String {
  fileprivate var firstLine: String { split(separator: "\n", maxSplits: 1).first.map(String.init) ?? self }
}
