// RUN: vitc-opt %s -split-input-file -verify-diagnostics

// expected-error @below {{'func.func' op expected 'vit.ignored' to be an array of strings}}
func.func @ignored() attributes {vit.ignored = "mask_token"} {
  return
}

// -----

// expected-error @below {{'func.func' op expected 'vit.ignored' to be an array of strings}}
func.func @ignored_numbers() attributes {vit.ignored = ["mask_token", 3]} {
  return
}
