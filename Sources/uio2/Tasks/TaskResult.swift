import Files
import UnifiedIO

/// What a task left: a report, and where there are some a drawing and a file.
struct TaskResult {
  /// A picture or a sound, ready to be written.
  struct File {
    var bytes: [UInt8]
    /// Without its name.
    var medium: TaskReport.Medium

    /// Writes it.
    ///
    /// - Returns: what the report says about it.
    func write(to target: OutputTarget) throws -> TaskReport.Medium {
      try target.write(bytes)
      var described = medium
      described.file = target.path
      return described
    }
  }

  var report: TaskReport
  /// The picture with the results on it.
  var drawing: Image?
  var file: File?

  init(_ report: TaskReport, drawing: Image? = nil, file: File? = nil) {
    self.report = report
    self.drawing = drawing
    self.file = file
  }
}

extension TaskResult.File {
  init(_ image: Image) throws {
    self.init(
      bytes: try image.pngData(), medium: TaskReport.Medium(file: "", width: image.width, height: image.height))
  }

  init(_ depth: DepthMap) throws {
    self.init(
      bytes: try depth.pngData(), medium: TaskReport.Medium(file: "", width: depth.width, height: depth.height))
  }

  init(_ sound: Sound) throws {
    self.init(
      bytes: try sound.wav(), medium: TaskReport.Medium(file: "", seconds: sound.duration, rate: sound.sampleRate))
  }
}
