import UnifiedIO

/// From options to a call of the library, and from its result to a report.
extension RunTask {
  /// A task that waits for its model.
  typealias Work = (TaskRunner, ProgressBar) throws -> TaskResult

  /// Reads the pictures, films and sounds and decides what is to be done; nothing of it needs the model.
  func makeWork() throws -> Work {
    let image = try pictures.picture()
    switch (name, image) {
    case (.instruction, _), (.action, _): return try makeInstruction()
    case (.videoCaption, _), (.videoTagging, _), (.audioCaption, _): return try makeDescription()
    case (.imageGeneration, _), (.audioGeneration, _): return try makeFromWords()
    case (.vqa, let image?): return answering { try $0.answer(question: text ?? "", about: image, settings: $1) }
    case (.caption, let image?): return answering { try $0.caption(image, settings: $1) }
    case (.refexp, let image?), (.localization, let image?), (.detection, let image?): return makeBoxes(image)
    case (.keypoints, let image?): return makePoses(image)
    case (.boxClassification, let image?), (.categorization, let image?): return makeCategory(image)
    case (.depth, let image?), (.surfaceNormals, let image?): return makeMap(image)
    case (.segmentation, let image?): return makeMasks(image)
    case (.imageEditing, let image?), (.inpainting, let image?): return makePicture(image)
    case (_, nil): throw CommandFailure(.fault, "\(name.rawValue) was begun without its picture")
    }
  }

  private func settings(_ bar: ProgressBar) -> TaskSettings { sampling.settings(wording: wording ?? 0, bar: bar) }

  private func answering(_ ask: @escaping (TaskRunner, TaskSettings) throws -> TextAnswer) -> Work {
    { runner, bar in TaskResult(TaskReport(task: name.rawValue, answer: try ask(runner, settings(bar)))) }
  }

  private func makeInstruction() throws -> Work {
    let input = try pictures.input(text ?? "", for: model)
    guard name == .action else { return answering { try $0.follow(input, settings: $1) } }
    return { runner, bar in
      TaskResult(
        TaskReport(task: name.rawValue, try runner.act(on: input, state: numbers ?? [], settings: settings(bar))))
    }
  }

  private func makeDescription() throws -> Work {
    let input = try pictures.input("", for: model, withSoundOfFilm: false)
    if let sound = input.sound { return answering { try $0.caption(sound, settings: $1) } }
    guard let film = input.video else { throw CommandFailure(.fault, "\(name.rawValue) was begun without its film") }
    return answering { runner, settings in
      try name == .videoTagging
        ? runner.activity(in: film, settings: settings) : runner.caption(film, settings: settings)
    }
  }

  private func makeBoxes(_ image: Image) -> Work {
    let subject = text ?? ""
    return { runner, bar in
      let settings = settings(bar), found: LocatedObjects
      switch name {
      case .localization:
        found = try runner.regions(
          of: subject, in: image, threshold: threshold ?? 0.3, overlap: overlap ?? 0.8, withoutCategory: boxesOnly,
          settings: settings)
      case .detection:
        found = try runner.objects(
          in: image, categoriesOfCOCO: coco, threshold: threshold ?? 0.5, overlap: overlap ?? 0.8, settings: settings)
      default:
        found = try runner.region(of: subject, in: image, freeForm: freeForm, settings: settings)
      }
      return TaskResult(TaskReport(task: name.rawValue, found), drawing: image.drawing(found.objects))
    }
  }

  private func makePoses(_ image: Image) -> Work {
    { runner, bar in
      let poses: [PoseAnswer]
      if let box = pictures.box {
        poses = [try runner.pose(in: box, of: image, freeForm: freeForm, settings: settings(bar))]
      } else {
        poses = try runner.poses(in: image, threshold: threshold ?? 0.5, freeForm: freeForm, settings: settings(bar))
      }
      return TaskResult(TaskReport(task: name.rawValue, poses), drawing: image.drawing(poses.compactMap(\.pose)))
    }
  }

  private func makeCategory(_ image: Image) -> Work {
    let reduction: LossReduction = sum ? .sum : .average, ending: AnswerEnding = singleEnd ? .single : .released
    guard let box = pictures.box else {
      return { runner, bar in
        let scores = try runner.category(
          of: image, among: options, reduction: reduction, ending: ending, settings: settings(bar))
        return TaskResult(TaskReport(task: name.rawValue, scores))
      }
    }
    guard !options.isEmpty else { return answering { try $0.name(in: box, of: image, settings: $1) } }
    return { runner, bar in
      let scores = try runner.category(
        in: box, of: image, among: options, reduction: reduction, ending: ending, settings: settings(bar))
      return TaskResult(TaskReport(task: name.rawValue, scores))
    }
  }
}
