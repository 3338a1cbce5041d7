import ArgumentParser
import UnifiedIO

extension RunTask {
  /// Refuses a number of a wording that the task does not have.
  func checkWording() throws {
    guard let wording, let count = prompts?.all.count, !(0..<count).contains(wording) else { return }
    throw ValidationError("\(name.rawValue) has the wordings 0 to \(count - 1), found \(wording).")
  }

  /// What the task may be asked with, as its options decide; `nil` where the user says the prompt.
  private var prompts: TaskPrompts? {
    switch name {
    case .vqa: .vqa
    case .caption: .caption
    case .refexp: .refexp
    case .localization: boxesOnly ? .localizationWithoutCategory : .localization
    case .detection: coco ? .detectionOfCOCO : .detection
    case .keypoints: .keypoints
    case .boxClassification: .boxClassification
    case .categorization: .categorization
    case .instruction, .action: nil
    case .videoCaption: .videoCaption
    case .videoTagging: .videoTagging
    case .audioCaption: .audioCaption
    case .depth: .depth
    case .surfaceNormals: .surfaceNormals
    case .segmentation: segmentationPrompts
    case .imageGeneration: .imageGeneration
    case .imageEditing: .imageEditing
    case .inpainting: text == nil ? .inpaintingOfBox : .inpainting
    case .audioGeneration: .audioGeneration
    }
  }

  private var segmentationPrompts: TaskPrompts {
    guard pictures.box != nil || instances else { return .segmentationOfExpression }
    return text == nil ? .segmentationOfBox : .segmentation
  }
}
