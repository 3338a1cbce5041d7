import Foundation

/// The numbers of a HiFi-GAN generator: `config.json` with the names of Kong et al. (2020).
public struct VocoderConfiguration: Decodable, Sendable, Hashable {
  /// How a residual block is built.
  public enum Block: String, Sendable, Hashable {
    /// Each step is a dilated convolution and a plain one.
    case double = "1"
    /// Each step is a dilated convolution.
    case single = "2"
  }

  public var block: Block
  /// How many steps each stage makes of one.
  public var upsampleRates: [Int]
  /// One a stage.
  public var upsampleKernels: [Int]
  /// Features before the first stage; every stage halves them.
  public var channels: Int
  /// One for each of the blocks that a stage averages.
  public var blockKernels: [Int]
  /// For each block the dilations of its steps.
  public var blockDilations: [[Int]]
  /// Mel bands.
  public var bands: Int
  /// Samples a second.
  public var sampleRate: Int

  private enum CodingKeys: String, CodingKey {
    case block = "resblock"
    case upsampleRates = "upsample_rates"
    case upsampleKernels = "upsample_kernel_sizes"
    case channels = "upsample_initial_channel"
    case blockKernels = "resblock_kernel_sizes"
    case blockDilations = "resblock_dilation_sizes"
    case bands = "num_mels"
    case sampleRate = "sampling_rate"
  }

  public init(from decoder: any Swift.Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    let name = try values.decode(String.self, forKey: .block)
    guard let block = Block(rawValue: name) else {
      throw DecodingError.dataCorruptedError(
        forKey: .block, in: values, debugDescription: "resblock must be \"1\" or \"2\", found \"\(name)\"")
    }
    self.block = block
    upsampleRates = try values.decode([Int].self, forKey: .upsampleRates)
    upsampleKernels = try values.decode([Int].self, forKey: .upsampleKernels)
    channels = try values.decode(Int.self, forKey: .channels)
    blockKernels = try values.decode([Int].self, forKey: .blockKernels)
    blockDilations = try values.decode([[Int]].self, forKey: .blockDilations)
    bands = try values.decodeIfPresent(Int.self, forKey: .bands) ?? LogMelSpectrogram.bands
    sampleRate = try values.decodeIfPresent(Int.self, forKey: .sampleRate) ?? Sound.modelRate
  }

  /// Reads `config.json` and checks that the numbers fit each other and the spectrograms of the model.
  ///
  /// - Throws: ``ModelError`` `.unreadableFile` or `.invalidConfiguration` with the key at fault.
  public init(contentsOf url: URL) throws(ModelError) {
    try self.init(json: try ConfigurationFile.data(at: url), subject: url.path)
  }

  /// Reads the text of a `config.json`; errors name `subject`.
  public init(json: Data, subject: String) throws(ModelError) {
    self = try ConfigurationFile.decode(json, subject: subject)
    try validate()
  }

  /// Everything that the generator relies on.
  private func validate() throws(ModelError) {
    func require(_ condition: Bool, _ key: CodingKeys, _ message: String) throws(ModelError) {
      if !condition { throw ModelError(.invalidConfiguration, key.rawValue, message) }
    }
    let sizes = 1...1024, stages = upsampleRates.count
    try require((1...16).contains(stages), .upsampleRates, "must name 1 to 16 stages, found \(stages)")
    try require(
      upsampleRates.allSatisfy(sizes.contains)
        && upsampleRates.reduce(1, { min($0 * $1, 1 << 20) }) == LogMelSpectrogram.hop,
      .upsampleRates, "must multiply to the \(LogMelSpectrogram.hop) samples of a step, found \(upsampleRates)")
    try require(
      upsampleKernels.count == stages
        && zip(upsampleKernels, upsampleRates).allSatisfy { $0 >= $1 && $0 <= 4096 && ($0 - $1) % 2 == 0 },
      .upsampleKernels, "must be as long as upsample_rates, each longer by an even number; found \(upsampleKernels)")
    try require(
      (1...8192).contains(channels) && channels % (1 << stages) == 0, .channels,
      "must be halved \(stages) times, found \(channels)")
    try require(
      (1...16).contains(blockKernels.count) && blockKernels.allSatisfy { sizes.contains($0) && $0 % 2 == 1 },
      .blockKernels, "must be odd, found \(blockKernels)")
    try require(
      blockDilations.count == blockKernels.count
        && blockDilations.allSatisfy { (1...16).contains($0.count) && $0.allSatisfy(sizes.contains) },
      .blockDilations, "must be lists of positive numbers, one a kernel; found \(blockDilations)")
    try require(
      bands == LogMelSpectrogram.bands, .bands, "must be the model's \(LogMelSpectrogram.bands), found \(bands)")
    try require(
      sampleRate == Sound.modelRate, .sampleRate, "must be the model's \(Sound.modelRate), found \(sampleRate)")
  }
}
