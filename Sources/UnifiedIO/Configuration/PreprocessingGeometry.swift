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

  /// `"720 x 477"`, width first, as people say it.
  public var description: String { "\(width) x \(height)" }

  /// Rows and columns exchanged, as by a quarter turn.
  var swapped: ImageSize { ImageSize(height: width, width: height) }
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

  /// Most pixels that the pictures of one request may have together: 256 times the larger canvas, and at least 4 million.
  ///
  /// Of a picture with 16 times the canvas's pixels a side nothing is left that a smaller one would not show.
  public var maximumSourcePixels: Int {
    let canvas = max(imageSize.height * imageSize.width, historyImageSize.height * historyImageSize.width)
    return min(max(256 * canvas, 1 << 22), Image.maximumPixelCount)
  }

  /// Seconds of the longest sound that is heard to its end: the last segment and ``maximumHistoryFrames`` earlier ones.
  public var maximumSoundDuration: Double {
    SoundSegments.longestDuration(segments: max(maximumHistoryFrames, 0) + 1)
  }
}
