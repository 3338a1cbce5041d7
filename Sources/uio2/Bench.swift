import ArgumentParser
import Foundation
import ModelBenchmark
import ModelImport
import RobotPolicy
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

  @Option(help: ArgumentHelp("Steps of each case that count.", valueName: "count"))
  var steps = 5

  @Flag(help: "Also encoder tokens from 128 to 1024 and sessions from 1 to 16.")
  var growth = false

  @Option(
    help: ArgumentHelp("Of a policy: robots answered together, e.g. 1,2,4,8,16.", valueName: "counts"),
    transform: Self.counts)
  var sessions: [Int] = []

  @Flag(help: "Also a whole picture (1024 tokens) and a whole sound (512), and their decoders.")
  var outputs = false

  @Flag(help: "Also the decoders of pictures and sounds, alone.")
  var decoders = false

  @Flag(help: "Instead of times: what bf16 and int8 change, layer by layer, in logits and in tokens.")
  var distortion = false

  @Option(help: ArgumentHelp("Where random checkpoints are kept.", valueName: "folder"), completion: .directory)
  var cache: String?

  @Option(help: ArgumentHelp("Also write the figures as JSON.", valueName: "file"), completion: .file())
  var json: String?

  func validate() throws {
    guard (1...10_000).contains(steps) else { throw ValidationError("--steps must be between 1 and 10000.") }
    // Before a random checkpoint is written for nothing.
    if !sessions.isEmpty, size == "daemon" || ReleasedSize(rawValue: size) != nil { throw Self.needsPolicy }
  }

  private static let needsPolicy = ValidationError("--sessions needs a policy's folder; see --growth.")

  private static func counts(_ text: String) throws -> [Int] {
    let counts = text.split(separator: ",").compactMap { Int($0) }
    guard !counts.isEmpty, counts.count == text.split(separator: ",", omittingEmptySubsequences: false).count,
      counts.allSatisfy({ (1...256).contains($0) })
    else { throw ValidationError("--sessions takes numbers from 1 to 256 with commas between them, e.g. 1,2,4.") }
    return counts
  }

  func run() throws {
    compute.apply()
    if size == "daemon" { return try benchDaemon() }
    let subject = try BenchmarkSubject(size, compute: compute, cache: cache)
    if distortion { return try reportDistortion(subject) }
    if let policy = subject.policy { return try benchPolicy(policy) }
    guard sessions.isEmpty else { throw Self.needsPolicy }
    let meter = CeilingMeter(), ceilings = meter.measureBest()
    Measurements.resetPeakMemory()
    let clock = ContinuousClock(), start = clock.now
    let model = try UnifiedIOModel(directory: subject.folder, weights: compute.options)
    var report = BenchmarkReport(
      model: size, weights: compute.options, format: model.weightFormat, ceilings: ceilings,
      loadSeconds: (clock.now - start).seconds, weightBytes: try subject.weightBytes(as: model.weightFormat))
    let benchmark = ModelBenchmark(
      model, tokenizer: try subject.tokenizer(), ceilings: ceilings, meter: meter, steps: steps)
    Console.say(report.head)
    func add(_ make: () throws -> BenchmarkReport.Case) rethrows {
      let result = try make()
      report.cases.append(result)
      Console.say("\n" + result.text)
    }
    try add { try benchmark.sentence(width: 256, height: 128, usesGrammar: true) }
    try add { try benchmark.sentence(width: 256, height: 128, usesGrammar: false) }
    try add { try benchmark.sentence(width: 384, height: 384, usesGrammar: false) }
    try add {
      var parts = try benchmark.parts(tokens: 640)
      parts.rates.insert(benchmark.products(rows: 640), at: 0)
      return parts
    }
    for remembers in [false, true] {
      if let history = try benchmark.history(remembers: remembers) { add { history } }
    }
    if growth {
      for tokens in [128, 256, 512, 1024] { try add { try benchmark.parts(tokens: tokens) } }
      for sessions in [1, 2, 4, 8, 16] { try add { try benchmark.parts(tokens: 128, examples: sessions) } }
    }
    if decoders {
      for modality in [TargetModality.image, .audio] where model.hasTokenizer(modality) {
        try add { try benchmark.decoder(modality) }
      }
    }
    if outputs {
      for modality in [TargetModality.image, .audio] where model.hasTokenizer(modality) {
        try add { try benchmark.longOutput(modality) }
      }
    }
    // The meter's memory is not the model's.
    report.peakMemory = Measurements.peakMemorySinceReset.map { $0 - meter.byteCount }
    Console.say("\n" + report.foot)
    if let json { try JSONFile.write(report, to: json) }
  }
}
