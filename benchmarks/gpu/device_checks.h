#pragma once

#include <c10/core/Device.h>

#include "selfcure/data/manifest.h"

/// Runs the checks that want the device, a line each on stdout: "check <what>: ok", "FAILED" or
/// "skipped". @return number of those that failed
int run_device_checks(const selfcure::Manifest& manifest, int image_size,
                      const c10::Device& device);
