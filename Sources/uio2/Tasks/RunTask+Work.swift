import UnifiedIO

/// From options to a call of the library, and from its result to a report.
extension RunTask {
  /// A task that waits for its model: gives the report and, where there is something to draw, the picture with it.
  typealias Work = (TaskRunner, TaskSettings) throws -> (TaskReport, Image?)

  /// Reads the pictures and decides what is to be done; nothing of it needs the model.
  func makeWork() throws -> Work {
    let task = name.rawValue, subject = text ?? "", image = try pictures.picture()
    switch (name, image) {
    case (.instruction, _), (.action, _): return try makeInstruction()
    case (.vqa, let image?):
      return { (TaskReport(task: task, answer: try $0.answer(question: subject, about: image, settings: $1)), nil) }
    case (.caption, let image?):
      return { (TaskReport(task: task, answer: try $0.caption(image, settings: $1)), nil) }
    case (.refexp, let image?):
      return { runner, settings in
        located(try runner.region(of: subject, in: image, freeForm: freeForm, settings: settings), image)
      }
    case (.localization, let image?):
      return { runner, settings in
        located(
          try runner.regions(
            of: subject, in: image, threshold: threshold ?? 0.3, overlap: overlap ?? 0.8, withoutCategory: boxesOnly,
            settings: settings), image)
      }
    case (.detection, let image?):
      return { runner, settings in
        located(
          try runner.objects(
            in: image, categoriesOfCOCO: coco, threshold: threshold ?? 0.5, overlap: overlap ?? 0.8,
            settings: settings), image)
      }
    case (.keypoints, let image?): return makePoses(image)
    case (.boxClassification, let image?), (.categorization, let image?): return makeCategory(image)
    default:
      throw CommandFailure(.fault, "\(task) is said to be built, but the command line does not know it")
    }
  }

  private func located(_ objects: LocatedObjects, _ image: Image) -> (TaskReport, Image?) {
    (TaskReport(task: name.rawValue, objects), image.drawing(objects.objects))
  }

  private func makeInstruction() throws -> Work {
    let input = try pictures.input(text ?? "", for: model)
    let task = name.rawValue, state = numbers ?? []
    if name == .action {
      return { (TaskReport(task: task, try $0.act(on: input, state: state, settings: $1)), nil) }
    }
    return { (TaskReport(task: task, answer: try $0.follow(input, settings: $1)), nil) }
  }

  private func makePoses(_ image: Image) -> Work {
    { runner, settings in
      let poses: [PoseAnswer]
      if let box = pictures.box {
        poses = [try runner.pose(in: box, of: image, freeForm: freeForm, settings: settings)]
      } else {
        poses = try runner.poses(in: image, threshold: threshold ?? 0.5, freeForm: freeForm, settings: settings)
      }
      return (TaskReport(task: name.rawValue, poses), image.drawing(poses.compactMap(\.pose)))
    }
  }

  private func makeCategory(_ image: Image) -> Work {
    let reduction: LossReduction = sum ? .sum : .average, ending: AnswerEnding = singleEnd ? .single : .released
    return { runner, settings in
      guard let box = pictures.box else {
        let scores = try runner.category(
          of: image, among: options, reduction: reduction, ending: ending, settings: settings)
        return (TaskReport(task: name.rawValue, scores), nil)
      }
      guard !options.isEmpty else {
        return (TaskReport(task: name.rawValue, answer: try runner.name(in: box, of: image, settings: settings)), nil)
      }
      let scores = try runner.category(
        in: box, of: image, among: options, reduction: reduction, ending: ending, settings: settings)
      return (TaskReport(task: name.rawValue, scores), nil)
    }
  }
}
