import Foundation
import Tensors
import Testing
import UnifiedIO

/// The memory that a model of a released size takes. Needs a folder that `uio2 synthesize` wrote:
/// `UIO2_LARGE=checkpoints/random-large swift test --filter LargeModelTests`.
@Suite(.enabled(if: ProcessInfo.processInfo.environment["UIO2_LARGE"] != nil)) struct LargeModelTests {
  private var peakMemory: Int {
    let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
    let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
    return (line?.split(whereSeparator: \.isWhitespace).dropFirst().first).flatMap { Int($0) }.map { $0 << 10 } ?? .max
  }

  @Test func loadsAndRunsWithinTheFilesSizeAndALittle() throws {
    let folder = URL(filePath: ProcessInfo.processInfo.environment["UIO2_LARGE"] ?? "")
    let clock = ContinuousClock(), start = clock.now
    let checkpoint = try Checkpoint(directory: folder)
    let stored = checkpoint.files.reduce(0) { $0 + $1.entries.values.reduce(0) { $0 + $1.length } }
    #expect(WeightFormat.suited(to: checkpoint) == .bf16)
    let model = try UnifiedIOModel(directory: folder)
    let loaded = clock.now
    let count = model.configuration.inputModalities.contains(.image) ? 576 : 0
    let image = PatchInput(
      patches: (0..<count * 768).map { Float($0 % 251) / 125 - 1 }, mask: [Bool](repeating: true, count: count),
      positions: Array(0..<count))
    let input = ModelInput(text: (0..<64).map { 100 + $0 }, image: count == 0 ? nil : image)
    let encoded = try model.encode(input)
    let read = clock.now
    let options = GenerationOptions(maximumTokens: 4)
    let answer = try model.generateText(from: encoded, options: options)
    let end = clock.now
    let peak = peakMemory
    print(
      "load \(loaded - start), encode \(encoded.output.rows) tokens \(read - loaded), \(answer.tokens.count) tokens "
        + "\(end - read); peak \(peak >> 20) MiB for \(stored >> 20) MiB of weights")
    #expect(peak < stored + 1_500_000_000)
  }
}
