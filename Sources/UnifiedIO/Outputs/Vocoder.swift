import Tensors

/// HiFi-GAN's generator: log-mel spectrograms to sound (Kong et al. 2020).
///
/// The release comes with one for its spectrograms; without its weights ``LogMelSpectrogram/waveform(iterations:seed:)`` does what can
/// be done.
public struct Vocoder: Sendable {
  private struct Stage: Sendable {
    let upsampling: TransposedConvolution1D
    let blocks: [VocoderBlock]
  }

  public let configuration: VocoderConfiguration
  private let first: Convolution1D
  private let stages: [Stage]
  private let last: Convolution1D

  /// What negative values are multiplied with.
  static let slope: Float = 0.1
  /// The same before the last convolution, where the reference leaves the slope to its library.
  private static let lastSlope: Float = 0.01

  /// Takes every tensor that the configuration needs; a missing, mis-shaped or surplus one is an error.
  ///
  /// - Parameter weights: by the reference's names, with or without weight norm.
  /// - Throws: ``ModelError`` `.missingTensor`, `.shapeMismatch` or `.surplusTensor`.
  public init(_ configuration: VocoderConfiguration, weights: [String: Tensor]) throws(ModelError) {
    var weights = VocoderWeights(weights)
    var channels = configuration.channels
    first = try weights.convolution("conv_pre", inputs: configuration.bands, outputs: channels, kernel: 7)
    var stages: [Stage] = []
    for (stage, rate) in configuration.upsampleRates.enumerated() {
      let upsampling = try weights.upsampling(
        "ups.\(stage)", inputs: channels, outputs: channels / 2, kernel: configuration.upsampleKernels[stage],
        stride: rate)
      channels /= 2
      var blocks: [VocoderBlock] = []
      for (block, dilations) in configuration.blockDilations.enumerated() {
        blocks.append(
          try VocoderBlock(
            &weights, "resblocks.\(stage * configuration.blockDilations.count + block)", configuration.block,
            channels: channels, kernel: configuration.blockKernels[block], dilations: dilations))
      }
      stages.append(Stage(upsampling: upsampling, blocks: blocks))
    }
    last = try weights.convolution("conv_post", inputs: channels, outputs: 1, kernel: 7)
    try weights.checkNothingIsLeft()
    self.stages = stages
    self.configuration = configuration
  }

  /// The sound of a spectrogram: 65,536 samples at 16 kHz.
  ///
  /// - Throws: ``ModelError`` `.invalidSound` when the weights make something that is no sound (not finite).
  public func waveform(of spectrogram: LogMelSpectrogram) throws(ModelError) -> Sound {
    // Silence that was appended has no logarithm; the quietest one that a spectrogram knows stands for it.
    let values = zip(spectrogram.values, spectrogram.isHeard).map { $1 ? $0 : LogMelSpectrogram.quietest }
    let logMel = Tensor(values, shape: [LogMelSpectrogram.steps, LogMelSpectrogram.bands])
    return try Sound(samples: samples(of: logMel), sampleRate: Sound.modelRate)
  }

  /// The samples of a spectrogram of any length.
  ///
  /// - Parameter logMel: natural logarithm of the power, `[steps, bands]`.
  /// - Returns: 256 a step, each −1...1.
  package func samples(of logMel: Tensor) -> [Float] {
    var x = first(logMel)
    for stage in stages {
      x.applyLeakyReLU(slope: Self.slope)
      x = stage.upsampling(x)
      var sum = Tensor(zeros: x.shape)
      for block in stage.blocks { sum += block(x) }
      sum *= 1 / Float(stage.blocks.count)
      x = sum
    }
    x.applyLeakyReLU(slope: Self.lastSlope)
    x = last(x)
    x.applyTanh()
    return x.values
  }
}
