# Written by vitc --manual=cmake: the options of a build as arguments of vitc_add_model().
set(vitc_flag_options FORCE_FUSE BATCH_INVARIANT NO_PRUNE NO_FUSE NO_FOLD_NORM)
set(vitc_value_options MAX_BATCH DTYPE RESIDUAL GPU TILE REGISTER_BUDGET FUSE_POLICY TILE_POLICY IMAGE_SIZE MAX_TOKENS ARCHITECTURE PROCESSOR LABELS TUNING PTXAS JOBS)
set(vitc_list_options REQUIRE OUTPUTS TARGET ISA ARCH)
