import ArgumentParser
import Files
import ModelImport
import Processes
import Tensors
import UnifiedIO

/// `uio2 bench`: how long each stage takes, beside what the machine can do at best.
struct Bench: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measure a model or a policy stage by stage, beside the machine's own ceilings.",
    discussion: """
      large, xl, xxl and tiny are random checkpoints of the released shapes, written to --cache the first time (bf16; with --weights \
      int8 once more in 8 bits). A policy is measured from camera frames to commands; the daemon alone, without a model, from a JPEG \
      picture to commands over ipc, beside a bare echo. Every rate stands beside the ceiling of its \
      kind (arithmetic in registers, reading memory), measured in the same run: machines differ and are noisy, ratios less so.

        uio2 bench --size large --weights int8 --threads 2
        uio2 bench --size large --growth --json growth.json
        uio2 bench --size Policies/metaworld-mt5
        uio2 bench --size Policies/metaworld-mt5 --sessions 1,2,4,8,16
        uio2 bench --size Policies/metaworld-mt5 --distortion
        uio2 bench --size daemon
      """)

  @Option(help: ArgumentHelp("large, xl, xxl, tiny, a policy's folder or a model's, or daemon.", valueName: "size"))
  var size = "large"

  @OptionGroup var compute: ComputeOptions

  @Option(
    help: ArgumentHelp(
      "Steps of each case that count (default: 5; 200 of a policy, 20 of robots together, 1000 of the daemon).",
      valueName: "count"))
  var steps: Int?

  @Flag(help: "Of a model: also encoder tokens from 128 to 1024 and sessions from 1 to 16.")
  var growth = false

  @Option(
    help: ArgumentHelp("Of a policy: robots answered together, e.g. 1,2,4,8,16.", valueName: "counts"),
    transform: Self.counts)
  var sessions: [Int] = []

  @Flag(help: "Of a model: also a whole picture (1024 tokens) and a whole sound (512), and their decoders.")
  var outputs = false

  @Flag(help: "Of a model: also the decoders of pictures and sounds, alone.")
  var decoders = false

  @Flag(help: "Instead of times: what bf16 and int8 change, layer by layer, in logits and in tokens.")
  var distortion = false

  @Option(help: ArgumentHelp("Where random checkpoints are kept.", valueName: "folder"), completion: .directory)
  var cache: String?

  @Option(help: ArgumentHelp("Also write the figures as JSON.", valueName: "file"), completion: .file())
  var json: String?

  func validate() throws {
    if let steps, !(1...10_000).contains(steps) {
      throw ValidationError("--steps must be between 1 and 10000, found \(steps).")
    }
    // Before a random checkpoint is written for nothing.
    if size == "daemon" { try refuse(isModel: false, isPolicy: false) }
    if ReleasedSize(rawValue: size) != nil { try refuse(isModel: true, isPolicy: false) }
  }

  /// Refuses options that would change nothing about what is measured.
  private func refuse(isModel: Bool, isPolicy: Bool) throws {
    func refuse(_ isGiven: Bool, _ option: String, _ reason: String) throws {
      if isGiven { throw ValidationError("\(option) \(reason).") }
    }
    try refuse(!sessions.isEmpty && !isPolicy, "--sessions", "needs a policy's folder; see --growth")
    let isDaemon = !isModel && !isPolicy
    for (isGiven, option) in [(growth, "--growth"), (outputs, "--outputs"), (decoders, "--decoders")] {
      try refuse(isGiven && !isModel, option, "is about a model; give --size a model")
      try refuse(isGiven && distortion, option, "is about times, and --distortion measures none")
    }
    try refuse(
      distortion && isDaemon, "--distortion", "needs a model's weights, and the daemon is measured without any")
    try refuse(!sessions.isEmpty && distortion, "--sessions", "is about times, and --distortion measures none")
    try refuse(steps != nil && distortion, "--steps", "is about times, and --distortion measures none")
    try refuse(
      distortion && (compute.weights != nil || compute.activations != nil), "--weights",
      "and --activations: --distortion compares all of them")
    try refuse(isDaemon && compute.isGiven, "--weights", "and the like: the daemon is measured without a model")
    try refuse(cache != nil && ReleasedSize(rawValue: size) == nil, "--cache", "is for large, xl, xxl and tiny")
  }

  private static func counts(_ text: String) throws -> [Int] {
    let counts = text.split(separator: ",").compactMap { Int($0) }
    guard !counts.isEmpty, counts.count == text.split(separator: ",", omittingEmptySubsequences: false).count,
      counts.allSatisfy({ (1...256).contains($0) })
    else { throw ValidationError("--sessions takes numbers from 1 to 256 with commas between them, e.g. 1,2,4.") }
    return counts
  }

  func run() throws {
    let target = try json.map { try OutputTarget($0, besides: [size]) }
    let signals = SignalWatch { SignalWatch.endProcess(by: $0) }
    defer { withExtendedLifetime(signals) {} }
    compute.apply()
    if size == "daemon" { return try benchDaemon(target) }
    let subject = try BenchmarkSubject(size, compute: compute, cache: cache)
    try refuse(isModel: subject.policy == nil, isPolicy: subject.policy != nil)
    try compute.check(checkpoint: subject.folder)
    if distortion { return try reportDistortion(subject, target) }
    if let policy = subject.policy { return try benchPolicy(policy, target) }
    try benchModel(subject, target)
  }
}
