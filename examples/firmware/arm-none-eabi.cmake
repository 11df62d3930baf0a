# Toolchain file: cmake -DCMAKE_TOOLCHAIN_FILE=arm-none-eabi.cmake -DCORE=cortex-m4 ...
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR arm)
set(CMAKE_C_COMPILER arm-none-eabi-gcc)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
set(CMAKE_TRY_COMPILE_PLATFORM_VARIABLES CORE)

# The core and what the board has of DSP, FPU and Helium, as its TOML says it to mcucc: the network
# is generated for them. Options of their own, so that CMAKE_C_FLAGS stays the user's.
set(options_cortex-m3 -mfloat-abi=soft)
set(options_cortex-m4 -mfloat-abi=hard -mfpu=fpv4-sp-d16)
set(options_cortex-m55 -mfloat-abi=hard)
if(NOT DEFINED options_${CORE})
  message(FATAL_ERROR "CORE is one of cortex-m3, cortex-m4, cortex-m55, not '${CORE}'")
endif()
add_compile_options(-mcpu=${CORE} -mthumb ${options_${CORE}} -ffunction-sections -fdata-sections)
add_link_options(-mcpu=${CORE} -mthumb ${options_${CORE}} -nostartfiles -specs=nosys.specs
    -specs=nano.specs -Wl,--gc-sections)
