/// Height and width in pixels, in the order in which `config.json` has them.
public struct ImageSize: Sendable, Hashable, CustomStringConvertible {
  /// Rows.
  public var height: Int
  /// Columns.
  public var width: Int

  /// Height first, as in `config.json`.
  public init(height: Int, width: Int) {
    self.height = height
    self.width = width
  }

  /// `"384 x 384"`, height first.
  public var description: String { "\(height) x \(width)" }
}

/// The sizes that prompts and pictures are brought to; the defaults are the release's.
public struct PreprocessingGeometry: Sendable, Hashable {
  /// Canvas of the image input, a multiple of ``patchSize`` each way.
  public var imageSize: ImageSize
  /// Canvas of one history frame, a multiple of ``patchSize`` each way.
  public var historyImageSize: ImageSize
  /// Side of a square patch in pixels.
  public var patchSize: Int
  /// Steps and bands of a patch of a spectrogram, a divisor of 128.
  public var audioPatchSize: Int
  /// Most tokens of a prompt or a text target, EOS included.
  public var maximumTextLength: Int
  /// How many history frames, and how many earlier segments of a sound, are kept, the first ones.
  public var maximumHistoryFrames: Int
  /// Size of the pictures that the model writes.
  public var targetImageSize: ImageSize
  /// Side of the square of pixels that one image token stands for.
  public var targetPatchSize: Int

  /// The release's sizes where nothing else is given. They are checked when they are used.
  public init(
    imageSize: ImageSize = ImageSize(height: 384, width: 384),
    historyImageSize: ImageSize = ImageSize(height: 256, width: 256),
    patchSize: Int = 16,
    maximumTextLength: Int = 512,
    maximumHistoryFrames: Int = 4,
    targetImageSize: ImageSize = ImageSize(height: 256, width: 256),
    targetPatchSize: Int = 8,
    audioPatchSize: Int = 16
  ) {
    self.imageSize = imageSize
    self.historyImageSize = historyImageSize
    self.patchSize = patchSize
    self.maximumTextLength = maximumTextLength
    self.maximumHistoryFrames = maximumHistoryFrames
    self.targetImageSize = targetImageSize
    self.targetPatchSize = targetPatchSize
    self.audioPatchSize = audioPatchSize
  }
}
