import UnifiedIO

/// Tasks that answer with a picture or a sound.
extension RunTask {
  private func settings(_ bar: ProgressBar) -> MediaSettings {
    sampling.mediaSettings(media, name.mediaSettings, wording: wording ?? 0, bar: bar)
  }

  /// Depth and surface normals.
  func makeMap(_ image: Image) -> Work {
    { runner, bar in
      var report = TaskReport(task: name.rawValue)
      if name == .depth {
        let depth = try runner.depth(of: image, settings: settings(bar))
        report.depth = TaskReport.Depth(depth)
        return TaskResult(report, drawing: try depth.picture(), file: try TaskResult.File(depth))
      }
      let normals = try runner.surfaceNormals(of: image, settings: settings(bar))
      report.normals = TaskReport.Normals(normals)
      return TaskResult(report, file: try TaskResult.File(normals.picture()))
    }
  }

  func makeMasks(_ image: Image) -> Work {
    { runner, bar in
      let objects: [SegmentedObject], settings = settings(bar)
      if let box = pictures.box {
        let mask = try runner.mask(in: box, of: image, label: text, settings: settings)
        objects = [SegmentedObject(mask: mask, label: text, box: box)]
      } else if instances {
        objects = try runner.masks(
          of: text ?? "", in: image, threshold: threshold ?? 0.3, overlap: overlap ?? 0.8, settings: settings)
      } else {
        objects = [SegmentedObject(mask: try runner.mask(of: text ?? "", in: image, settings: settings), label: text)]
      }
      var report = TaskReport(task: name.rawValue)
      report.masks = objects.map(TaskReport.Mask.init)
      let together = try Mask.union(objects.map(\.mask), width: image.width, height: image.height)
      return TaskResult(
        report, drawing: image.drawing(objects.map(\.mask)), file: try TaskResult.File(together.picture()))
    }
  }

  func makePicture(_ image: Image) -> Work {
    { runner, bar in
      let picture: Image
      if name == .inpainting, let box = pictures.box {
        picture = try runner.inpaint(box, of: image, label: text, settings: settings(bar))
      } else {
        picture = try runner.edit(image, by: text ?? "", settings: settings(bar))
      }
      return TaskResult(TaskReport(task: name.rawValue), file: try TaskResult.File(picture))
    }
  }

  func makeFromWords() throws -> Work {
    let description = text ?? "", vocoder = try self.vocoder.load()
    return { runner, bar in
      let report = TaskReport(task: name.rawValue)
      if name == .audioGeneration {
        return TaskResult(
          report, file: try TaskResult.File(runner.sound(of: description, vocoder: vocoder, settings: settings(bar))))
      }
      return TaskResult(report, file: try TaskResult.File(runner.picture(of: description, settings: settings(bar))))
    }
  }
}
